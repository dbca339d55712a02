import { describe, expect, it } from 'vitest';
import { jsonLines } from './json-lines.ts';

async function* pieces(...texts: string[]): AsyncGenerator<string> {
  for (const text of texts) yield await Promise.resolve(text);
}

const read = (...texts: string[]) => Array.fromAsync(jsonLines(pieces(...texts)));

describe('jsonLines', () => {
  const text = '{"a":1}\n{"b":"x\\ny"}\n\n{"c":[2]}\n';
  const values = [{ a: 1 }, { b: 'x\ny' }, { c: [2] }];

  it('gives the same whatever pieces the text comes in', async () => {
    for (let cut = 0; cut <= text.length; cut++) {
      expect(await read(text.slice(0, cut), text.slice(cut))).toEqual(values);
    }
    expect(await read(...text)).toEqual(values);
  });

  it('drops a last line that was cut off', async () => {
    for (let cut = 8; cut < text.length; cut++) {
      const whole = text.slice(0, cut).split('\n').slice(0, -1).filter(Boolean).length;
      expect(await read(text.slice(0, cut))).toEqual(values.slice(0, whole));
    }
  });

  it('refuses a line that is no JSON', async () => {
    await expect(read('{"a":1}\nHello\n')).rejects.toThrow(SyntaxError);
  });
});
