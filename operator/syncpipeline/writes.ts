import type { Subject } from '../../crds/table-flow.ts';
import { canonicalJson } from '../kube/applied.ts';

const known = new WeakMap<Subject, string>();

/** All of a subject that tells what it reads and writes: the same for two that disturb the same others. */
export function writesOf(subject: Subject): string {
  let writes = known.get(subject);
  if (writes === undefined) {
    const { target, tables, twoWay } = subject.pipeline.spec;
    const { master, standby, filter } = subject.instance.spec;
    const { namespace, name } = subject.instance.metadata;
    writes = canonicalJson([namespace, name, master, standby, filter, target.host, target.port, tables, twoWay]);
    known.set(subject, writes);
  }
  return writes;
}
