import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Tiers by what they may touch; see test/README.md. */
export default defineConfig({
  root,
  test: {
    projects: [
      {
        root,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        root,
        test: {
          name: 'integration',
          include: ['integration', 'conformance', 'cve'].map((dir) => `test/${dir}/**/*.test.ts`),
          fileParallelism: false,
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        root,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        root,
        test: {
          name: 'microvm',
          include: ['test/microvm/**/*.test.ts'],
          globalSetup: ['test/microvm/setup.ts'],
          fileParallelism: false,
          pool: 'forks',
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
