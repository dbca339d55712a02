import type { KubeObject, Live } from '../../operator/kube/objects.ts';
import type { FieldProblem } from './status.ts';
import { invalidValue, notAllowed } from './builtin/problems.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

/** What is wrong with an object's metadata. */
export function metadataProblems({ metadata }: KubeObject, before: Live | undefined): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!SUBDOMAIN.test(metadata.name) || metadata.name.length > 253) {
    const why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'";
    problems.push(invalidValue('metadata.name', metadata.name, why));
  }
  for (const value of Object.values(metadata.labels ?? {})) {
    if (typeof value !== 'string' || value.length > 63) {
      problems.push(invalidValue('metadata.labels', value, 'must be no more than 63 bytes'));
    } else if (!LABEL_VALUE.test(value)) {
      problems.push(
        invalidValue('metadata.labels', value, 'a valid label must be an empty string or consist of alphanumeric characters'),
      );
    }
  }
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    if ((owner.uid as string | undefined) === undefined) {
      problems.push(invalidValue(`metadata.ownerReferences[${index}].uid`, '', 'must not be empty'));
    }
  }
  if ((metadata.ownerReferences ?? []).filter((owner) => owner.controller === true).length > 1) {
    problems.push(invalidValue('metadata.ownerReferences', '', 'Only one reference can have Controller set to true'));
  }
  const added = (metadata.finalizers ?? []).filter((name) => !(before?.metadata.finalizers ?? []).includes(name));
  if (before?.metadata.deletionTimestamp !== undefined && added.length > 0) {
    const list = added.map((name) => JSON.stringify(name)).join(', ');
    const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
    problems.push(notAllowed('metadata.finalizers', why));
  }
  return problems;
}
