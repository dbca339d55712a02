import type { Live } from '../../operator/kube/objects.ts';
import { badRequest } from './status.ts';

export type Selects = (object: Live) => boolean;

/** `a=b,c!=d,e in (x,y),f notin (z),g,!h` */
export function labelSelector(text: string | undefined): Selects {
  const tests = splitRequirements(text ?? '').map(requirement);
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

function requirement(text: string): (labels: Readonly<Record<string, string>>) => boolean {
  const set = /^([^\s!=]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return operator === 'in'
      ? (labels) => labels[key] !== undefined && values.has(labels[key])
      : (labels) => labels[key] === undefined || !values.has(labels[key]);
  }
  const compared = /^([^\s!=]+)\s*(==|=|!=)\s*([^\s!=]*)$/.exec(text);
  if (compared !== null) {
    const [, key = '', operator, value] = compared;
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  if (/^![^\s!=]+$/.test(text)) return (labels) => labels[text.slice(1)] === undefined;
  if (/^[^\s!=]+$/.test(text)) return (labels) => labels[text] !== undefined;
  throw badRequest(`unable to parse requirement: ${text}`);
}

function splitRequirements(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** `metadata.name=x,involvedObject.uid=y`: paths that lead to a string. */
export function fieldSelector(text: string | undefined): Selects {
  const tests = splitRequirements(text ?? '').map((each) => {
    const compared = /^([\w.]+)(==|=|!=)(.*)$/.exec(each);
    if (compared === null) throw badRequest(`invalid selector: '${each}'; can't understand '${each}'`);
    const [, path = '', operator, value] = compared;
    return (object: Live) => (valueAt(object, path) === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

function valueAt(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object) ?? '';
}
