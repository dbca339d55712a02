import { defineConfig } from 'vitest/config';

/** Tests that need what `make cluster-build` builds: those with a cluster one file at a time, and those with a real API server or helm. */
const cluster = ['test/cluster/**/*.test.ts', 'test/e2e-kubernetes/**/*.test.ts'];
const kubernetes = [
  'test/charts/**/*.test.ts',
  'test/servers/kube-api-server.test.ts',
  'test/integration/crds.test.ts',
  'test/kube/real.test.ts',
  'test/operator/zkensemble-real-api.test.ts',
  'test/operator/canalinstance-real-api.test.ts',
];

/** Unit tests lie beside their file and need nothing; everything under test/ may start real servers. */
export default defineConfig({
  test: {
    reporters: ['default', './test/tools/closing-line.ts'],
    pool: 'forks', // servers die with the process that started them, so each test file gets a process, not a thread
    maxWorkers: 2,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', 'test/**'],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: [...kubernetes, ...cluster],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kubernetes',
          include: kubernetes,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: cluster,
          testTimeout: 900_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
