import { errorCatalog, errorCodes, type CatalogEntry } from './error-catalog.ts';

const ranges: readonly (readonly [prefix: string, title: string])[] = [
  ['LK10', 'Manifests and configuration'],
  ['LK11', 'Source'],
  ['LK12', 'Binlog stream and decoding'],
  ['LK13', 'Target'],
  ['LK14', 'Apply'],
  ['LK15', 'DDL'],
  ['LK16', 'First copy'],
  ['LK17', 'Coordination'],
  ['LK18', 'Operator'],
];

/** The text of docs/errors.md. */
export function renderErrorDocs(): string {
  const lines = [
    '# Error codes',
    '',
    '<!-- Generated from common/error-catalog.ts by docs/generate.ts; edit there. -->',
    '',
    'Every error that Lockkeeper reports has a code that never changes its meaning. On a terminal, in JSON (`--output json`), in',
    'conditions and in Events it comes with what was found and what to do. "Tried again" says whether Lockkeeper tries by itself,',
    'with growing pauses, since the cause may go away without you. A warning stops nothing.',
    '',
  ];
  for (const [prefix, title] of ranges) {
    lines.push(`## ${title} (${prefix}xx)`, '');
    for (const code of errorCodes) {
      if (!code.startsWith(prefix)) continue;
      const entry: CatalogEntry = errorCatalog[code];
      lines.push(
        `<a id="${code.toLowerCase()}"></a>`,
        '',
        `### ${code}: ${entry.title}`,
        '',
        entry.meaning,
        '',
        `What to do: ${entry.remedy}`,
        '',
        entry.severity === 'warning' ? 'A warning.' : `Tried again: ${entry.retryable ? 'yes' : 'no'}.`,
        '',
      );
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
