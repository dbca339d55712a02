import type { z } from 'zod';
import { LockkeeperError } from '../common/errors.ts';
import { instanceConfigSchema, type InstanceConfig } from './instance-config.ts';
import { pipelineConfigSchema, type PipelineConfig } from './pipeline-config.ts';

/** ZooKeeper refuses a request of more than 1 MiB (jute.maxbuffer). */
const MAX_BYTES = 1_000_000;
const SECRET_KEY = /passw(or)?d|passphrase|pwd$|secret|token|(private|access|api)_?key|credential/i;
/** A reference to a Secret is its name, not its content. */
const SECRET_REFERENCE = /SecretRef$/;
/** Keys below this one are names of columns. */
const COLUMN_NAMES = 'rename';

/** @throws LockkeeperError LK1703 if the configuration may not stand in ZooKeeper, which anyone in the network may read */
export function encodeConfig(config: PipelineConfig): string {
  const text = JSON.stringify(config);
  decodeConfig(text, config.name);
  return text;
}

/**
 * The configuration in a pipeline's config znode.
 * @throws LockkeeperError LK1703 naming field and value
 */
export function decodeConfig(text: string, name: string): PipelineConfig {
  return decode(pipelineConfigSchema, text, { kind: 'pipeline', name });
}

/** @throws LockkeeperError LK1703, as `encodeConfig` */
export function encodeInstanceConfig(config: InstanceConfig): string {
  const text = JSON.stringify(config);
  decodeInstanceConfig(text, config.name);
  return text;
}

/**
 * The configuration in an instance's config znode.
 * @throws LockkeeperError LK1703 naming field and value
 */
export function decodeInstanceConfig(text: string, name: string): InstanceConfig {
  return decode(instanceConfigSchema, text, { kind: 'instance', name });
}

interface Subject {
  readonly kind: 'pipeline' | 'instance';
  readonly name: string;
}

function decode<T extends { readonly name: string }>(schema: z.ZodType<T>, text: string, subject: Subject): T {
  if (text.length > MAX_BYTES) throw invalid(subject, '', `${text.length} characters, more than ${MAX_BYTES}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid(subject, '', `${JSON.stringify(text.slice(0, 40))}, which is not JSON`);
  }
  const secret = findSecret(json, []);
  if (secret !== null) {
    // Never the value.
    throw invalid(
      subject,
      secret,
      'a key that looks like a secret',
      'Keep secrets in a Kubernetes Secret and name it in the manifest.',
    );
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(subject, issue.path.join('.'), issue.message);
  }
  if (parsed.data.name !== subject.name)
    throw invalid(subject, 'name', `the configuration of ${subject.kind} ${parsed.data.name}`);
  return parsed.data;
}

/** The path of the first key that looks like a secret, or null. */
function findSecret(value: unknown, path: readonly string[]): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    if (!Array.isArray(value) && SECRET_KEY.test(key) && !SECRET_REFERENCE.test(key)) return here.join('.');
    const found = key === COLUMN_NAMES ? null : findSecret(inner, here);
    if (found !== null) return found;
  }
  return null;
}

function invalid({ kind, name }: Subject, field: string, found: string, remedy?: string): LockkeeperError {
  const where = field === '' ? '' : `, field ${field}`;
  return new LockkeeperError('LK1703', `configuration of ${kind} ${name} in ZooKeeper is invalid${where}`, {
    found,
    remedy,
    details: { [kind]: name, field },
  });
}
