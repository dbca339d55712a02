import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles } from './generated-files.ts';
import { chartValues } from './values.ts';

const checkout = join(import.meta.dirname, '..');

describe('the generated files of the chart', () => {
  it.each(generatedFiles())('$path is up to date (make generate writes it)', ({ path, text }) => {
    expect(readFileSync(join(checkout, path), 'utf8')).toBe(text);
  });

  it('hold every CRD and no former one, where Helm does not take them for its own', () => {
    const inChart = readdirSync(join(checkout, 'charts/lockkeeper/files/crds')).sort();
    expect(inChart).toEqual(
      readdirSync(join(checkout, 'crds'))
        .filter((name) => name.endsWith('.yaml'))
        .sort(),
    );
    expect(inChart).toHaveLength(3);
    expect(existsSync(join(checkout, 'charts/lockkeeper/crds'))).toBe(false);
  });

  it('make values.yaml all that the schema has by default', () => {
    const written: unknown = parse(readFileSync(join(checkout, 'charts/lockkeeper/values.yaml'), 'utf8'));
    expect(chartValues.parse(written)).toEqual(written);
    expect(chartValues.parse({})).toEqual(written);
  });
});
