import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('lets one run at a time, in order, whatever becomes of it', async () => {
  const turns = new Turns();
  const notes: string[] = [];
  const work = (name: string, fails = false) =>
    turns.take(async () => {
      notes.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      notes.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work('a'), work('b', true), work('c')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(notes).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
