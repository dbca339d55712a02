/** Writes crds/*.yaml and docs/reference/ from the schemas. Run after a change to one of them: `make generate`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './definition/generated-files.ts';

for (const { path, text } of generatedFiles()) {
  const file = join(import.meta.dirname, '..', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
