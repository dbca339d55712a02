import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission } from '../kinds.ts';
import { fields, invalidValue, notAllowed, type Fields } from './problems.ts';

interface WithData extends KubeObject {
  readonly data?: Fields;
  readonly stringData?: Fields;
  readonly type?: string;
  readonly immutable?: boolean;
}

/** stringData becomes data and is never shown. */
export const admitSecret: Admission = (object, before) => {
  const { stringData, ...secret } = object as WithData;
  const encoded = Object.entries(fields(stringData)).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  const data = { ...secret.data, ...Object.fromEntries(encoded) } as Fields;
  const type = secret.type ?? 'Opaque';
  const bad = Object.entries(data).find(([, value]) => !/^[A-Za-z0-9+/]*={0,2}$/.test(String(value)));
  if (bad !== undefined) return { problems: [invalidValue(`data[${bad[0]}]`, '<secret>', 'illegal base64 data')] };
  const old = before as WithData | undefined;
  if (old !== undefined && old.type !== type) return { problems: [invalidValue('type', type, 'field is immutable')] };
  const frozen = frozenData(old, data);
  if (frozen !== undefined) return frozen;
  return { object: { ...secret, ...(Object.keys(data).length === 0 ? {} : { data }), type } as KubeObject };
};

export const admitConfigMap: Admission = (object, before) => frozenData(before, fields((object as WithData).data)) ?? { object };

function frozenData(before: WithData | undefined, data: Fields) {
  if (before?.immutable !== true || isDeepStrictEqual(fields(before.data), data)) return undefined;
  return { problems: [notAllowed('data', 'field is immutable when `immutable` is set')] };
}
