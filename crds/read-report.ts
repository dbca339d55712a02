import type { z } from 'zod';

/** A report from ZooKeeper; null where there is none, or none that this release can read: it is for people, nothing depends on it. */
export function readReport<S extends z.ZodType>(schema: S, text: string | null): z.output<S> | null {
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : null;
}
