import type { FieldProblem } from '../status.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function required(field: string, what = ''): FieldProblem {
  return { field, message: `Required value${what === '' ? '' : `: ${what}`}`, reason: 'FieldValueRequired' };
}

export function invalidValue(field: string, value: unknown, why: string): FieldProblem {
  return { field, message: `Invalid value: ${JSON.stringify(value)}: ${why}`, reason: 'FieldValueInvalid' };
}

export function notAllowed(field: string, why: string): FieldProblem {
  return { field, message: `Forbidden: ${why}`, reason: 'FieldValueForbidden' };
}

/** `value` with what is absent in it from `defaults`. */
export function withDefaults(value: Fields, defaults: Fields): Fields {
  return { ...defaults, ...Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) };
}

export function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
