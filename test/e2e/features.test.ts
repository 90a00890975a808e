/**
 * What compose files can say, looked at from inside the containers it is said of. Each scenario is a project of
 * testdata/; each ends with `down -v` and an empty audit.
 */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';
import { Stage, type Scenario } from '../lib/stage.ts';
import { handlingScenarios } from './features/handling.ts';
import { isolationScenarios } from './features/isolation.ts';
import { lifecycleScenarios } from './features/lifecycle.ts';
import { networkScenarios } from './features/network.ts';
import { processScenarios } from './features/process.ts';
import { projectScenarios } from './features/project.ts';
import { storageScenarios } from './features/storage.ts';
import { updateScenarios } from './features/updates.ts';

const isAble = missing('root', 'redis', 'overlayfs', 'nftables').length === 0;

const chapters: Readonly<Record<string, readonly Scenario[]>> = {
  process: processScenarios,
  isolation: isolationScenarios,
  networks: networkScenarios,
  storage: storageScenarios,
  'what changes': lifecycleScenarios,
  updates: updateScenarios,
  'the project': projectScenarios,
  'what exists': handlingScenarios,
};

describe.skipIf(!isAble)('compose features', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    await engine.start();
    before = await takeAudit(engine.scope);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  describe.each(Object.entries(chapters))('%s', (_chapter, scenarios) => {
    test.each(scenarios)('$name', async ({ project, play }) => {
      const stage = await Stage.open(engine, project);
      try {
        await play(stage);
      } finally {
        await stage.compose('-p', project, 'down', '-v', '--remove-orphans', '-t', '0');
      }
      expect(await engine.client.containers.list({ all: true })).toEqual([]);
      expect(await engine.client.volumes.list()).toEqual([]);
      await rm(stage.directory, { recursive: true });
      await expectNoLeaks(before, engine.scope);
    });
  });
});
