import { expect, test } from 'vitest';
import { applyError } from './apply-error.ts';

const refusal = (errno: number, message: string) => Object.assign(new Error(message), { errno });

test('a statement that a shutdown stopped without a diagnosis is tried again, but counted as a refusal', () => {
  const failure = applyError(refusal(1105, 'Unknown error'));
  expect(failure).toMatchObject({ kind: 'fatal', error: { code: 'LK1407', retryable: true } });
});

test('any other refusal stays one', () => {
  expect(applyError(refusal(1366, 'Incorrect value'))).toMatchObject({
    kind: 'fatal',
    error: { code: 'LK1407', retryable: false },
  });
});
