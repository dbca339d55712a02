import { z } from 'zod';
import { formed } from './common-fields.ts';

export const quantity = formed(z.string().max(32), /^\d+(\.\d+)?([EPTGMK]i|[EPTGMkm])?$/, 'a Kubernetes quantity such as 10Gi');

const factors: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Value of a Kubernetes quantity that the schema has let through. */
export function bytesOf(text: string): number {
  const [, digits = '0', unit = ''] = /^([\d.]+)(\D*)$/.exec(text) ?? [];
  return Number(digits) * (factors[unit] ?? NaN);
}
