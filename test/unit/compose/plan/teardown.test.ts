import { expect, test } from 'vitest';
import {
  executePlan,
  observe,
  planDown,
  planStop,
  type Project,
  reconcile,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

const shop = `
name: shop
services:
  web: {image: nginx, depends_on: [db]}
  db: {image: redis, volumes: ["data:/data"]}
volumes:
  data:
`;

async function running(project: Project): Promise<FakeEngine> {
  const engine = new FakeEngine();
  const observed = await observe(engine, project.name);
  await executePlan(reconcile(project, observed), { engine, project, observed });
  engine.calls.length = 0;
  return engine;
}

test('down must stop dependents first, then remove containers, then networks, without a file', async () => {
  const engine = await running(loadText(shop).project);
  expect(planDown(await observe(engine, 'shop')).toString()).toBe(
    [
      '[] #1 stopContainer shop-web-1 — running',
      '[1] #2 stopContainer shop-db-1 — running',
      '[2] #3 removeContainer shop-db-1 — down',
      '[1] #4 removeContainer shop-web-1 — down',
      '[3,4] #5 removeNetwork shop_default — down',
    ].join('\n'),
  );
});

test('down -v must remove volumes as well, and leave nothing', async () => {
  const { project } = loadText(shop);
  const engine = await running(project);
  const observed = await observe(engine, 'shop');
  const plan = planDown(observed, { project, volumes: true });
  expect(plan.toString().split('\n').at(-1)).toBe('[3] #6 removeVolume shop_data — down -v');
  await executePlan(plan, { engine });
  expect(engine.names()).toEqual([]);
});

test('down must not stop what has exited', async () => {
  const engine = await running(loadText(shop).project);
  engine.exit('shop-web-1', 0);
  const plan = planDown(await observe(engine, 'shop')).toString();
  expect(plan).not.toContain('stopContainer shop-web-1');
  expect(plan).toContain('removeContainer shop-web-1');
});

test('down of one service must leave the others and the network', async () => {
  const engine = await running(loadText(shop).project);
  expect(planDown(await observe(engine, 'shop'), { services: ['web'] }).toString()).toBe(
    ['[] #1 stopContainer shop-web-1 — running', '[1] #2 removeContainer shop-web-1 — down'].join(
      '\n',
    ),
  );
});

test('down must leave orphans and the network they are on, unless told otherwise', async () => {
  const engine = await running(loadText(shop).project);
  const { project } = loadText('name: shop\nservices: {db: {image: redis}}');
  const observed = await observe(engine, 'shop');
  const plan = planDown(observed, { project });
  expect(plan.toString()).not.toContain('shop-web-1');
  expect(plan.warnings).toEqual(['network "shop_default" stays: container "shop-web-1" is on it']);
  const full = planDown(observed, { project, removeOrphans: true });
  expect(full.toString()).toContain('removeNetwork shop_default');
});

test('stop must keep the containers and hand the grace on', async () => {
  const engine = await running(loadText(shop).project);
  const plan = planStop(await observe(engine, 'shop'), { timeoutSeconds: 3 });
  await executePlan(plan, { engine });
  expect(engine.calls).toEqual(['stop shop-web-1 3s', 'stop shop-db-1 3s']);
});

test('down of nothing must be an empty plan', async () => {
  expect(planDown(await observe(new FakeEngine(), 'shop')).isEmpty).toBe(true);
});
