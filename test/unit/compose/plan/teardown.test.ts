import { describe, expect, test } from 'vitest';
import {
  executePlan,
  observe,
  planDown,
  planStop,
  type Project,
  reconcile,
} from '../../../../compose/index.ts';
import { EngineError } from '../../../../engine/api/index.ts';
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

async function running(project: Project, images?: readonly string[]): Promise<FakeEngine> {
  const engine = new FakeEngine(images === undefined ? {} : { images });
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

describe('down --rmi', () => {
  const file = `
name: shop
services:
  web: {image: "nginx:latest", depends_on: [db]}
  db: {build: .}
`;
  const cases = [
    ['local', ['[3,4] #6 removeImage shop-db:latest — down --rmi local']],
    [
      'all',
      [
        '[3,4] #6 removeImage nginx:latest — down --rmi all',
        '[3,4] #7 removeImage shop-db:latest — down --rmi all',
      ],
    ],
  ] as const;
  test.each(cases)('%s removes images behind their containers', async (images, expected) => {
    const { project } = loadText(shop);
    const engine = await running(project, ['nginx:latest', 'redis:latest', 'shop-db:latest']);
    const { project: built } = loadText(file);
    const plan = planDown(await observe(engine, 'shop'), { project: built, images });
    const lines = plan.toString().split('\n');
    expect(lines.filter((line) => line.includes('removeImage'))).toEqual(
      expected.map((line) => line.replace('#6', '#5').replace('#7', '#6')),
    );
  });
});

test('what others use must stay, and be no failure', async () => {
  const { project } = loadText(shop);
  const engine = await running(project);
  const observed = await observe(engine, 'shop');
  const words: string[] = [];
  engine.fail('remove network shop_default', new EngineError('forbidden', 'has active endpoints'));
  engine.fail('remove volume shop_data', new EngineError('conflict', 'volume is in use'));
  await executePlan(planDown(observed, { project, volumes: true }), {
    engine,
    onProgress: ({ name, status }) => {
      words.push(`${name} ${status}`);
    },
  });
  expect(words).toContain('shop_default in-use');
  expect(words).toContain('shop_data in-use');
});
