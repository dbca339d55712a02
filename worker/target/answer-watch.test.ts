import { expect, test } from 'vitest';
import { AnswerWatch, type Verdict } from './answer-watch.ts';

function setUp() {
  const state = { now: 0, since: null as number | null, verdict: { kind: 'lost', why: 'idle' } as Verdict, asked: 0 };
  const told: string[] = [];
  const watch = new AnswerWatch({
    patienceMs: 100,
    waitingSince: () => state.since,
    ask: () => {
      state.asked++;
      return Promise.resolve(state.verdict);
    },
    onLost: (why) => told.push(why),
    now: () => state.now,
  });
  return { state, told, watch };
}

test('asks only about a statement that has waited long', async () => {
  const { state, watch } = setUp();
  await watch.look();
  state.since = 50;
  state.now = 149;
  await watch.look();
  expect(state.asked).toBe(0);
  state.now = 150;
  await watch.look();
  expect(state.asked).toBe(1);
});

test('believes in a loss that is confirmed for the same statement', async () => {
  const { state, told, watch } = setUp();
  state.since = 0;
  state.now = 100;
  await watch.look();
  expect(told).toEqual([]);
  await watch.look();
  expect(told).toEqual(['idle']);
});

test('starts over when the answer came, or the server was at work', async () => {
  const { state, told, watch } = setUp();
  state.since = 0;
  state.now = 100;
  await watch.look();
  state.since = 10;
  state.now = 110;
  await watch.look();
  expect(told).toEqual([]);
  state.verdict = { kind: 'working' };
  await watch.look();
  state.verdict = { kind: 'lost', why: 'gone' };
  await watch.look();
  expect(told).toEqual([]);
  await watch.look();
  expect(told).toEqual(['gone']);
});
