import { defineConfig } from 'vitest/config';

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
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
