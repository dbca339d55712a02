import { z } from 'zod';

export const apiGroup = 'lockkeeper.io';
export const apiVersion = 'lockkeeper.io/v1alpha1';

/*
 * How the schemas are written, so that a structural CRD can be generated from them (definition/structural-schema.ts):
 * - objects are strict; those with defaults inside have `.prefault({})`, which Kubernetes spells `default: {}`;
 * - "not set" is null in TypeScript and absence in Kubernetes (which prunes null): such a field is `.nullable().default(null)`,
 *   and CEL asks for it with has();
 * - a rule over several fields is checked by zod and carried as CEL in the metadata `x-kubernetes-validations`;
 * - a map or list that a rule goes through has a limit, from which the API server reckons what the rule may cost;
 * - patterns are written in what JavaScript and RE2 have in common;
 * - a rule between old and new object is a TransitionRule beside the schema.
 */

export interface Rule<T> {
  /** The rule for the API server, true when the object is right; null where it knows it otherwise, from a list's type. */
  readonly cel: string | null;
  /** Names field and remedy; the same words on both ways. */
  readonly message: string;
  /** The field the message is about, from the schema it stands on. */
  readonly path?: readonly string[];
  readonly holds: (value: T) => boolean;
}

/** What an update may not do. `path` is from the object's root. */
export interface TransitionRule {
  readonly path: string;
  /** CEL over self and oldSelf, both the value at `path`. */
  readonly cel: string;
  readonly message: string;
  readonly holds: (old: unknown, now: unknown) => boolean;
}

export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  let checked = schema;
  for (const { holds, message, path } of rules) {
    checked = checked.refine((value) => holds(value), { error: message, ...(path === undefined ? {} : { path: [...path] }) });
  }
  const validations = rules
    .filter(({ cel }) => cel !== null)
    .map(({ cel, message, path }) => ({
      rule: cel,
      message,
      ...(path === undefined ? {} : { fieldPath: `.${path.join('.')}` }),
    }));
  return checked.meta({ ...checked.meta(), 'x-kubernetes-validations': validations });
}

export function immutable(path: string, why: string): TransitionRule {
  return {
    path,
    cel: 'self == oldSelf',
    message: `${path} cannot be changed: ${why}`,
    holds: (old, now) => JSON.stringify(old) === JSON.stringify(now),
  };
}

/** The transition rules that an update breaks, both objects after defaults. As in Kubernetes a rule applies where old and new have its path. */
export function brokenTransitions(rules: readonly TransitionRule[], old: unknown, now: unknown): TransitionRule[] {
  return rules.filter((rule) => {
    const [before, after] = [valueAt(old, rule.path), valueAt(now, rule.path)];
    return before !== undefined && before !== null && after !== undefined && after !== null && !rule.holds(before, after);
  });
}

function valueAt(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], object);
}

/** A text of a certain form. The API server, too, names the form in words, by a rule: of a pattern it would only show the pattern. */
export function formed(text: z.ZodString, pattern: RegExp, form: string): z.ZodString {
  return text.regex(pattern, form).meta({ [formKey]: form });
}

/** Where `formed` leaves its words for the generator. */
export const formKey = 'x-lockkeeper-form';

/** A map with at most `maxEntries`. */
export function mapOf<V extends z.ZodType>(key: z.ZodString, value: V, maxEntries: number) {
  return z
    .record(key, value)
    .refine((map) => Object.keys(map).length <= maxEntries, { error: `takes at most ${maxEntries} entries` })
    .meta({ maxProperties: maxEntries });
}

/** A list without doubles, which Kubernetes knows by itself as a set. */
export function setOf(item: z.ZodString, maxItems: number) {
  return z
    .array(item)
    .max(maxItems)
    .refine((items) => new Set(items).size === items.length, { error: 'has an entry twice; remove one' })
    .meta({ 'x-kubernetes-list-type': 'set' });
}

/** Metadata of a list of objects that are told apart by a field: Kubernetes refuses doubles and merges by it. */
export function keyedBy(key: string) {
  return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] };
}

const dns1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const nameForm = 'lower-case letters, digits and hyphens, beginning and ending with a letter or digit';

export function objectName(maxLength: number) {
  return formed(z.string().min(1).max(maxLength), dns1123, nameForm);
}

/** What kubectl writes into `metadata` besides the four fields below; accepted so that `kubectl get -o yaml` can be read back. */
const serverMetadata = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
  'ownerReferences',
  'finalizers',
] as const;

export function metadata(maxNameLength: number, name = objectName(maxNameLength)) {
  return z.strictObject({
    name: name.describe('Name of the object, unique among its kind in the namespace.'),
    namespace: objectName(63).default('default').describe('Namespace of the object and of everything it refers to.'),
    labels: z.record(z.string(), z.string()).default({}).describe('Labels, passed on as they are.'),
    annotations: z.record(z.string(), z.string()).default({}).describe('Annotations, passed on as they are.'),
    ...(Object.fromEntries(serverMetadata.map((key) => [key, z.unknown().optional()])) as Record<
      (typeof serverMetadata)[number],
      z.ZodOptional<z.ZodUnknown>
    >),
  });
}

export const regionName = objectName(24).describe(
  'Name of a region: the value of the nodes’ region label in Kubernetes, the --region of a local worker.',
);

export function nameRef(description: string) {
  return z
    .strictObject({ name: z.string().min(1).max(253).describe('Name of the object, in the same namespace.') })
    .describe(description);
}

export const host = formed(
  z.string().min(1).max(253),
  /^([A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?|[0-9A-Fa-f]*(:[0-9A-Fa-f.]*){2,})$/,
  'a host name or an IP address, without scheme, port or path',
).describe('Host name or IP address of the server; its port is a field of its own.');

export const port = z.int().min(1).max(65535);

export const endpoint = z.strictObject({ host, port: port.default(3306).describe('TCP port of the server.') });

const tlsFields = z.strictObject({
  mode: z
    .enum(['Disabled', 'Required', 'VerifyIdentity'])
    .default('Disabled')
    .describe(
      'Disabled: plain text. Required: encrypted. VerifyIdentity: encrypted, and the certificate must be signed by a known CA for this host name.',
    ),
  caSecretRef: nameRef('The Secret.')
    .nullable()
    .default(null)
    .describe('Secret whose key ca.crt holds the PEM certificates to trust. Not set: the system’s own.'),
});

export const tls = withRules(tlsFields, [
  {
    cel: "self.mode != 'Disabled' || !has(self.caSecretRef)",
    message: 'tls.caSecretRef is set, but tls.mode is Disabled; set mode to Required or VerifyIdentity, or remove caSecretRef',
    path: ['mode'],
    holds: (value) => value.mode !== 'Disabled' || value.caSecretRef === null,
  },
])
  .prefault({})
  .describe('Encryption of the connection.');

export const timestamp = z.iso.datetime({ offset: true });

/** Kubernetes' own Condition, with its limits. */
const condition = z.strictObject({
  type: z
    .string()
    .max(316)
    .regex(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/)
    .describe('What is judged, such as Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('The judgement.'),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .describe('Why, as one CamelCase word for programs.'),
  message: z.string().max(32_768).describe('Why, for people, with what to do.'),
  lastTransitionTime: timestamp.describe('When status last changed.'),
  observedGeneration: z.int().min(0).optional().describe('The generation of the spec that was judged.'),
});

export type Condition = z.output<typeof condition>;

/** The part of status that all kinds have. */
export const statusFields = {
  observedGeneration: z.int().optional().describe('The generation of the spec that this status is about.'),
  conditions: z
    .array(condition)
    .meta(keyedBy('type'))
    .optional()
    .describe('What is well and what is not, after the Kubernetes API conventions.'),
};

export function regionsAreUnique(entries: readonly { readonly region: string }[]): boolean {
  return new Set(entries.map((entry) => entry.region)).size === entries.length;
}

/** metadata.generation; 0 where there is none, as outside Kubernetes. */
export function generationOf({ generation }: { readonly generation?: unknown }): number {
  return typeof generation === 'number' ? generation : 0;
}
