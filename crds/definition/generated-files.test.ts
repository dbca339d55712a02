import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from './generated-files.ts';

const checkout = join(import.meta.dirname, '../..');

describe('generated files', () => {
  it.each(generatedFiles())('$path is what the schemas say (make generate writes it)', ({ path, text }) => {
    expect(readFileSync(join(checkout, path), 'utf8')).toBe(text);
  });

  it('are all there are, so that none outlives its kind', () => {
    const written = generatedFiles().map(({ path }) => path);
    const found = ['crds', 'docs/reference'].flatMap(
      (folder) =>
        readdirSync(join(checkout, folder))
          .filter((name) => /\.(?:ya?ml|json|md)$/.test(name)) // in crds/, what kubectl apply -f takes
          .map((name) => `${folder}/${name}`)
          .filter((path) => path !== 'docs/reference/metrics.md'), // written by hand
    );
    expect(found.sort()).toEqual(written.sort());
  });
});
