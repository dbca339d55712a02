import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node } from 'yaml';
import { LockkeeperError } from '../common/errors.ts';

export interface SourceText {
  /** File name as the user gave it, for messages. */
  readonly file: string;
  readonly text: string;
}

/** One object found in a file, as plain values without nulls, which mean "not set" here as in Kubernetes. */
export interface FoundObject {
  readonly file: string;
  readonly value: unknown;
  /** Line, from 1, of the field or of its nearest ancestor that is written; with `key`, of a key at that place. */
  lineOf(path: readonly PropertyKey[], key?: string): number;
}

/**
 * The objects of a YAML or JSON text: of every document that is not empty, and of every item of a `kind: List`.
 * Faults go to `report` (LK1001), the other documents are still read.
 */
export function readDocuments({ file, text }: SourceText, report: (error: LockkeeperError) => void): FoundObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const objects: FoundObject[] = [];
  // For a text without any document the package returns an empty array that carries errors of its own.
  for (const document of documents) {
    const broken = (reason: string, offset: number) => {
      const line = lines.linePos(offset).line || 1;
      report(new LockkeeperError('LK1001', `${file}:${line}: malformed YAML: ${reason}`, { details: { file, line } }));
    };
    if (document.errors.length > 0) {
      for (const error of document.errors) broken(error.message, error.pos[0]);
      continue;
    }
    let value: unknown;
    try {
      value = withoutNulls(document.toJS({ maxAliasCount: 100 }));
    } catch (thrown) {
      broken((thrown as Error).message, document.contents?.range?.[0] ?? 0);
      continue;
    }
    if (value === null || value === undefined) continue;
    const lineOf = (path: readonly PropertyKey[], key?: string) => lines.linePos(offsetOf(document, path, key)).line || 1;
    const items =
      (value as { kind?: unknown; items?: unknown }).kind === 'List' ? (value as { items?: unknown }).items : undefined;
    if (!Array.isArray(items)) {
      objects.push({ file, value, lineOf });
      continue;
    }
    for (const [index, item] of items.entries()) {
      objects.push({ file, value: item, lineOf: (path, key) => lineOf(['items', index, ...path], key) });
    }
  }
  return objects;
}

/** Kubernetes takes null for "not set" and drops it, but not where it is an entry of a list. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== null)
      .map(([key, entry]) => [key, withoutNulls(entry)]),
  );
}

function offsetOf(document: Document, path: readonly PropertyKey[], key?: string): number {
  let node = resolve(document, document.contents);
  let offset = node?.range?.[0] ?? 0;
  for (const step of key === undefined ? path : [...path, key]) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => (isScalar(item.key) ? String(item.key.value) : '') === String(step));
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      next = pair.value;
    } else if (isSeq(node)) {
      next = node.items[Number(step)];
      offset = (next as Node | undefined)?.range?.[0] ?? offset;
    } else return offset;
    node = resolve(document, next);
  }
  return offset;
}

function resolve(document: Document, node: unknown): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : ((node as Node | null | undefined) ?? null);
}
