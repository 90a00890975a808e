import { describe, expect, test } from 'vitest';
import {
  executePlan,
  type Observed,
  observe,
  planKill,
  planPause,
  planRemove,
  planRestart,
  planStart,
  planStop,
  planUnpause,
  reconcile,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

const shop = `
name: shop
services:
  web:
    image: nginx
    depends_on:
      db: {condition: service_healthy, restart: true}
      init: {condition: service_completed_successfully}
  worker: {image: nginx, depends_on: [web], scale: 2}
  db: {image: redis, healthcheck: {test: "true"}}
  init: {image: nginx}
  other: {image: nginx}
`;

const { project } = loadText(shop);

async function stopped(): Promise<FakeEngine> {
  const engine = new FakeEngine();
  const observed = await observe(engine, 'shop');
  await executePlan(reconcile(project, observed, { noStart: true }), { engine, project, observed });
  engine.calls.length = 0;
  return engine;
}

async function running(): Promise<FakeEngine> {
  const engine = await stopped();
  for (const { id } of (await observe(engine, 'shop')).containers) {
    await engine.containers.start(id);
  }
  engine.calls.length = 0;
  return engine;
}

function lines(plan: { toString(): string }): string[] {
  return plan.toString().split('\n').filter(Boolean);
}

/** What `run` makes. */
function withOneOff(observed: Observed): Observed {
  const [first] = observed.containers;
  if (first === undefined) throw new Error('no container');
  const oneOff = { ...first, id: 'f'.repeat(64), name: 'shop-db-run-1', isOneOff: true };
  return { ...observed, containers: [...observed.containers, oneOff] };
}

describe('start', () => {
  test('starts dependencies first and waits for their conditions', async () => {
    const observed = await observe(await stopped(), 'shop');
    expect(lines(planStart(observed))).toEqual([
      '[] #1 startContainer shop-db-1 — created',
      '[] #2 startContainer shop-init-1 — created',
      '[] #3 startContainer shop-other-1 — created',
      '[1 healthy,2 completed] #4 startContainer shop-web-1 — created',
      '[4] #5 startContainer shop-worker-1 — created',
      '[4] #6 startContainer shop-worker-2 — created',
    ]);
  });

  test('of one service comes with what it depends on, and with nothing else', async () => {
    const observed = await observe(await stopped(), 'shop');
    expect(lines(planStart(observed, { services: ['web'] }))).toEqual([
      '[] #1 startContainer shop-db-1 — created',
      '[] #2 startContainer shop-init-1 — created',
      '[1 healthy,2 completed] #3 startContainer shop-web-1 — created',
    ]);
  });

  test('waits for a dependency that runs already', async () => {
    const engine = await running();
    engine.exit('shop-web-1', 1);
    const observed = await observe(engine, 'shop');
    expect(lines(planStart(observed, { services: ['web'] }))).toEqual([
      '[shop-db-1 healthy,shop-init-1 completed] #1 startContainer shop-web-1 — exited',
    ]);
  });

  test('of what runs is nothing', async () => {
    expect(planStart(await observe(await running(), 'shop')).isEmpty).toBe(true);
  });

  test('leaves one-off containers and orphans alone', async () => {
    const observed = withOneOff(await observe(await stopped(), 'shop'));
    const { project: smaller } = loadText('name: shop\nservices: {db: {image: redis}}');
    expect(lines(planStart(observed, { project: smaller }))).toEqual([
      '[] #1 startContainer shop-db-1 — created',
    ]);
  });
});

describe('stop', () => {
  test('leaves one-off containers alone', async () => {
    const observed = withOneOff(await observe(await running(), 'shop'));
    expect(lines(planStop(observed, { services: ['db'] }))).toEqual([
      '[] #1 stopContainer shop-db-1 — running',
    ]);
  });
});

describe('restart', () => {
  test('takes the dependents with it that asked for it, after it', async () => {
    const observed = await observe(await running(), 'shop');
    expect(lines(planRestart(observed, { services: ['db'], timeoutSeconds: 2 }))).toEqual([
      '[] #1 restartContainer shop-db-1 — restart',
      '[1] #2 restartContainer shop-web-1 — dependency restarted',
    ]);
  });

  test('--no-deps leaves them', async () => {
    const observed = await observe(await running(), 'shop');
    expect(lines(planRestart(observed, { services: ['db'], noDeps: true }))).toEqual([
      '[] #1 restartContainer shop-db-1 — restart',
    ]);
  });

  test('restarts what has stopped as well, and no one-off container', async () => {
    const engine = await running();
    engine.exit('shop-other-1', 1);
    const observed = withOneOff(await observe(engine, 'shop'));
    const plan = planRestart(observed);
    expect(lines(plan)).toHaveLength(6);
    expect(plan.toString()).toContain('shop-other-1');
    expect(plan.toString()).not.toContain('run-1');
  });

  test('hands the grace period on', async () => {
    const engine = await running();
    const observed = await observe(engine, 'shop');
    const plan = planRestart(observed, { services: ['other'], timeoutSeconds: 2 });
    await executePlan(plan, { engine, observed });
    expect(engine.calls).toEqual(['restart shop-other-1 2s']);
  });
});

describe('kill', () => {
  test('sends its signal to what runs, one-off containers too, and to no orphan', async () => {
    const engine = await running();
    engine.exit('shop-init-1', 0);
    const observed = withOneOff(await observe(engine, 'shop'));
    const { project: smaller } = loadText(
      'name: shop\nservices: {db: {image: redis}, init: {image: nginx}}',
    );
    const options = { project: smaller, signal: 'HUP' };
    expect(lines(planKill(observed, options))).toEqual([
      '[] #1 killContainer shop-db-1 — HUP',
      '[] #2 killContainer shop-db-run-1 — HUP',
    ]);
    expect(lines(planKill(observed, { ...options, withOrphans: true }))).toHaveLength(6);
  });

  test('reaches the engine with its signal', async () => {
    const engine = await running();
    const observed = await observe(engine, 'shop');
    const plan = planKill(observed, { services: ['db'], signal: 'USR1' });
    await executePlan(plan, { engine, observed });
    expect(engine.calls).toEqual(['kill shop-db-1 USR1']);
  });
});

describe('pause', () => {
  test('is for what runs; a second one is left to the engine to refuse', async () => {
    const engine = await running();
    engine.exit('shop-init-1', 0);
    const observed = await observe(engine, 'shop');
    const services = ['db', 'init'];
    await executePlan(planPause(observed, { services }), { engine, observed });
    const paused = await observe(engine, 'shop');
    expect(lines(planPause(paused, { services }))).toEqual([
      '[] #1 pauseContainer shop-db-1 — paused',
    ]);
    await executePlan(planUnpause(paused, { services }), { engine, observed });
    expect(engine.calls).toEqual(['pause shop-db-1', 'unpause shop-db-1']);
  });
});

describe('rm', () => {
  test('removes what does not run', async () => {
    const engine = await running();
    engine.exit('shop-init-1', 0);
    const observed = withOneOff(await observe(engine, 'shop'));
    expect(lines(planRemove(observed))).toEqual(['[] #1 removeContainer shop-init-1 — exited']);
  });

  test('after a stop removes all of it, with anonymous volumes where asked', async () => {
    const engine = await stopped();
    const observed = await observe(engine, 'shop');
    const plan = planRemove(observed, { services: ['db'], isStopped: true, volumes: true });
    await executePlan(plan, { engine, observed });
    expect(engine.calls).toEqual(['remove shop-db-1 volumes']);
  });
});
