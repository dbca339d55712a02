import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadManifests } from './manifest.ts';

it('takes the examples of the documentation', () => {
  const { instances, pipelines } = loadManifests([join(import.meta.dirname, '../docs/examples')]);
  expect(instances.map(({ metadata }) => metadata.name)).toEqual(['shop']);
  expect(pipelines.map(({ metadata }) => metadata.name)).toEqual(['shop-to-east', 'shop-to-west']);
});
