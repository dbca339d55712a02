import { describe, expect, it } from 'vitest';
import { Answers } from './answers.ts';

describe('Answers', () => {
  it('are what the driver says', async () => {
    const answers = new Answers();
    await expect(answers.to((done) => done(null, 5))).resolves.toBe(5);
    await expect(answers.to((done) => done(new Error('syntax'), undefined))).rejects.toThrow('syntax');
  });

  it('are all refused, for the first reason, once the connection has ended', async () => {
    const answers = new Answers();
    let late: (error: Error | null, result: string) => void = () => undefined;
    const pending = answers.to<string>((done) => (late = done));
    answers.fail(new Error('lost'));
    answers.fail(new Error('closed'));
    late(null, 'too late');
    await expect(pending).rejects.toThrow('lost');
    await expect(answers.to(() => expect.unreachable())).rejects.toThrow('lost');
  });
});
