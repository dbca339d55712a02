/** Writes the generated pages of docs/. Run after a change to common/error-catalog.ts: `node docs/generate.ts`. */
import { writeFileSync } from 'node:fs';
import { renderErrorDocs } from '../common/error-docs.ts';

writeFileSync(new URL('errors.md', import.meta.url), renderErrorDocs());
