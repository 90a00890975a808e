import { describe, expect, test } from 'vitest';
import {
  executePlan,
  observe,
  planDown,
  type Project,
  reconcile,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { errorText, loadText } from '../lib/host.ts';

const shop = `
name: shop
services:
  web:
    image: nginx
    ports: ["8080:80"]
    depends_on:
      db:
        condition: service_healthy
  db:
    image: redis
    healthcheck: {test: [CMD, "true"]}
    volumes: [data:/data]
volumes:
  data:
`;

async function planText(engine: FakeEngine, project: Project, options = {}): Promise<string> {
  return reconcile(project, await observe(engine, project.name), options).toString();
}

/** An engine on which the project runs, with its healthchecks passed. */
async function running(project: Project): Promise<FakeEngine> {
  const engine = new FakeEngine();
  engine.onStart = (name) => {
    engine.becomeHealthy(name);
  };
  const observed = await observe(engine, project.name);
  await executePlan(reconcile(project, observed), { engine, project, observed });
  return engine;
}

describe('up of a project', () => {
  test('must create everything, and start in dependency order, on an empty engine', async () => {
    expect(await planText(new FakeEngine(), loadText(shop).project)).toBe(
      [
        '[] #1 createNetwork shop_default — missing',
        '[] #2 createVolume shop_data — missing',
        '[1,2] #3 createContainer shop-db-1 — no container',
        '[3] #4 startContainer shop-db-1 — created by #3',
        '[1] #5 createContainer shop-web-1 — no container',
        '[4 healthy,5] #6 startContainer shop-web-1 — created by #5',
      ].join('\n'),
    );
  });

  test('must do nothing when everything runs', async () => {
    const { project } = loadText(shop);
    expect(await planText(await running(project), project)).toBe('');
  });

  test('must start what has exited', async () => {
    const { project } = loadText(shop);
    const engine = await running(project);
    engine.exit('shop-web-1', 1);
    expect(await planText(engine, project)).toBe(
      '[shop-db-1 healthy] #1 startContainer shop-web-1 — exited',
    );
  });

  test('must recreate what differs, and leave the rest', async () => {
    const { project } = loadText(shop);
    const engine = await running(project);
    const changed = loadText(shop.replace('8080:80', '9090:80')).project;
    expect(await planText(engine, changed)).toBe(
      [
        '[] #1 createContainer 000000000000_shop-web-1 — configuration changed',
        '[1] #2 stopContainer shop-web-1 — replaced by #1',
        '[2] #3 removeContainer shop-web-1 — replaced by #1',
        '[3] #4 renameContainer 000000000000_shop-web-1 shop-web-1 — replaces shop-web-1',
        '[shop-db-1 healthy,4] #5 startContainer shop-web-1 — created by #1',
      ].join('\n'),
    );
  });

  test.each([
    ['its replicas', '    image: nginx\n', '    image: nginx\n    scale: 1\n'],
    ['its dependencies', 'condition: service_healthy', 'condition: service_started'],
    ['its profile', '    image: nginx\n', '    image: nginx\n    profiles: [a]\n'],
    ['its build', '    image: nginx\n', '    image: nginx\n    build: .\n'],
  ])('must not recreate a service for %s', async (_name, from, to) => {
    const { project } = loadText(shop);
    const engine = await running(project);
    const changed = loadText(shop.replace(from, to), { request: { profiles: ['a'] } }).project;
    expect(await planText(engine, changed)).toBe('');
  });

  test('must hand anonymous volumes on, also once more, unless told not to', async () => {
    const text =
      'name: p\nservices: {a: {image: nginx, volumes: [/data, "named:/n"]}}\nvolumes: {named: }';
    const engine = await running(loadText(text).project);
    const { project } = loadText(text.replace('image:', 'tty: true, image:'));
    const first = '1'.padStart(64, '0');
    const bindsOf = async (options = {}): Promise<readonly string[] | undefined> => {
      const observed = await observe(engine, 'p');
      const { nodes } = reconcile(project, observed, { forceRecreate: true, ...options });
      const created = nodes.find(({ action }) => action.kind === 'createContainer')?.action;
      return created?.kind === 'createContainer' ? created.body.HostConfig?.Binds : undefined;
    };
    expect(await bindsOf()).toEqual(['p_named:/n', `${first}:/data`]);
    expect(await bindsOf({ renewAnonymousVolumes: true })).toEqual(['p_named:/n']);
    const observed = await observe(engine, 'p');
    await executePlan(reconcile(project, observed), { engine, project, observed });
    expect(await bindsOf()).toEqual(['p_named:/n', `${first}:/data`]);
    const renewal = await planText(engine, project, {
      forceRecreate: true,
      renewAnonymousVolumes: true,
    });
    expect(renewal).toContain(`removeVolume ${first} — anonymous`);
    const down = planDown(await observe(engine, 'p'), { volumes: true }).toString();
    expect(down).toContain(`removeVolume ${first} — anonymous`);
  });

  test('must recreate nothing when told so, and everything when forced', async () => {
    const { project } = loadText(shop);
    const engine = await running(project);
    const changed = loadText(shop.replace('8080', '9090')).project;
    expect(await planText(engine, changed, { noRecreate: true })).toBe('');
    const forced = await planText(engine, project, { forceRecreate: true });
    expect(forced.split('\n').filter((line) => line.endsWith('forced'))).toHaveLength(2);
  });

  test('must give new replicas the lowest free numbers, and remove the highest', async () => {
    const { project } = loadText('name: p\nservices: {a: {image: nginx, scale: 3}}');
    const engine = await running(project);
    expect(await planText(engine, project, { scale: { a: 1 } })).toBe(
      [
        '[] #1 stopContainer p-a-3 — surplus',
        '[1] #2 removeContainer p-a-3 — surplus',
        '[] #3 stopContainer p-a-2 — surplus',
        '[3] #4 removeContainer p-a-2 — surplus',
      ].join('\n'),
    );
    await engine.containers.remove('p-a-2');
    expect(await planText(engine, project)).toBe(
      [
        '[] #1 createContainer p-a-2 — no container',
        '[1] #2 startContainer p-a-2 — created by #1',
      ].join('\n'),
    );
  });

  test('must act on named services with what they depend on, or without', async () => {
    const { project } = loadText(
      shop.replace('  db:\n    image', '  other: {image: nginx}\n  db:\n    image'),
    );
    const only = await planText(new FakeEngine(), project, { services: ['web'], noDeps: true });
    expect(only).toBe(
      [
        '[] #1 createNetwork shop_default — missing',
        '[1] #2 createContainer shop-web-1 — no container',
        '[2] #3 startContainer shop-web-1 — created by #2',
      ].join('\n'),
    );
    const withDependencies = await planText(new FakeEngine(), project, { services: ['web'] });
    expect(withDependencies).not.toContain('other');
  });

  test('must create and not start when told so', async () => {
    const { project } = loadText('name: p\nservices: {a: {image: nginx, network_mode: none}}');
    expect(await planText(new FakeEngine(), project, { noStart: true })).toBe(
      '[] #1 createContainer p-a-1 — no container',
    );
  });
});

describe('orphans', () => {
  test('must be named, and removed when asked', async () => {
    const engine = await running(loadText(shop).project);
    const { project } = loadText('name: shop\nservices: {db: {image: redis}}');
    const observed = await observe(engine, 'shop');
    expect(reconcile(project, observed).warnings).toEqual([
      'Found orphan containers ([shop-web-1]) for this project. If you removed or renamed this service in your compose file, you can run this command with the --remove-orphans flag to clean it up.',
    ]);
    const plan = await planText(engine, project, { removeOrphans: true, noRecreate: true });
    expect(plan).toBe(
      [
        '[] #1 stopContainer shop-web-1 — orphan',
        '[1] #2 removeContainer shop-web-1 — orphan',
      ].join('\n'),
    );
  });

  test('must not be taken for ones when a profile disables their service', async () => {
    const engine = await running(loadText(shop).project);
    const disabled = shop.replace('    image: nginx\n', '    image: nginx\n    profiles: [a]\n');
    const { project } = loadText(disabled);
    expect(reconcile(project, await observe(engine, 'shop')).warnings).toEqual([]);
  });
});

describe('what is missing', () => {
  test('an image must be reported before anything is created, at its line', async () => {
    const { project } = loadText('services:\n  web:\n    image: nginx:1.2\n');
    const observed = await observe(new FakeEngine(), project.name);
    expect(errorText(() => reconcile(project, observed))).toBe(
      [
        'error[missing-image]: image "nginx:1.2" of service "web" is not on this engine',
        '  --> compose.yaml:3:12',
        '   |',
        ' 2 |   web:',
        ' 3 |     image: nginx:1.2',
        '   |            ^^^^^^^^^',
        '  = hint: load or import it (pulling is not possible yet), or use "tscompose.local/host" for programs of this host',
      ].join('\n'),
    );
  });

  test('a build must be reported when its image is not there, and not be needed when it is', async () => {
    const { project } = loadText('name: p\nservices:\n  web:\n    build: .\n');
    const observed = await observe(new FakeEngine(), 'p');
    expect(errorText(() => reconcile(project, observed))).toContain('compose.yaml:4:5');
    const engine = new FakeEngine({ images: ['p-web:latest'] });
    expect(await planText(engine, project)).toContain('createContainer p-web-1');
  });

  test('an external network must be reported, and be used when it is there', async () => {
    const { project } = loadText(
      'name: p\nservices: {a: {image: nginx, networks: [out]}}\nnetworks:\n  out: {external: true, name: lan}\n',
    );
    const engine = new FakeEngine();
    const observed = await observe(engine, 'p');
    expect(errorText(() => reconcile(project, observed))).toContain(
      'external network "lan" does not exist',
    );
    engine.addNetwork('lan');
    expect(await planText(engine, project)).toBe(
      [
        '[] #1 createContainer p-a-1 — no container',
        '[1] #2 startContainer p-a-1 — created by #1',
      ].join('\n'),
    );
  });

  test('a service that is not there must be named with its neighbour', async () => {
    const { project } = loadText(shop);
    const observed = await observe(new FakeEngine(), 'shop');
    expect(errorText(() => reconcile(project, observed, { services: ['wbe'] }))).toBe(
      'error[no-service]: no such service: wbe\n  = did you mean "web"?',
    );
  });
});

test('a project without a service to run must say so', async () => {
  const observed = await observe(new FakeEngine(), 'p');
  const empty = loadText('name: p\nservices: {}\n').project;
  expect(errorText(() => reconcile(empty, observed))).toBe(
    'error[no-service]: no service selected\n  = hint: define one below "services:"',
  );
  const disabled = loadText('name: p\nservices: {a: {image: x, profiles: [dev]}}').project;
  expect(errorText(() => reconcile(disabled, observed))).toContain('add --profile dev');
});

describe('warnings', () => {
  test('a network of somebody else must be used with a warning', async () => {
    const { project } = loadText(shop);
    const engine = new FakeEngine();
    engine.addNetwork('shop_default');
    const plan = reconcile(project, await observe(engine, 'shop'));
    expect(plan.warnings).toEqual([
      'network "shop_default" was not created by this project: say "external: true" if it is to be used',
    ]);
  });

  test.each([
    ['deploy: {mode: global, replicas: 3}', {}, 1],
    ['deploy: {mode: global-job, replicas: 3}', {}, 1],
    ['deploy: {mode: replicated-job, replicas: 3}', {}, 3],
    ['deploy: {mode: global}', { scale: { web: 2 } }, 2],
  ])('%s and options %j must make %i containers', async (deploy, options, count) => {
    const { project } = loadText(
      `name: shop\nservices:\n  web:\n    image: nginx\n    ${deploy}\n`,
    );
    const plan = reconcile(project, await observe(new FakeEngine(), 'shop'), options);
    const made = plan.nodes.filter(({ action }) => action.kind === 'createContainer');
    expect(made).toHaveLength(count);
    expect(plan.warnings).toEqual([]);
  });

  test('what has no effect yet must be named with its place', async () => {
    const { project } = loadText(`
services:
  web:
    image: nginx
    secrets: [{source: file, mode: 0400}]
    platform: linux/arm64
    pull_policy: always
    deploy:
      placement: {constraints: [a]}
secrets:
  file: {file: ./file}
`);
    const engine = new FakeEngine();
    expect(reconcile(project, await observe(engine, 'shop')).warnings).toHaveLength(3);
    engine.server = 'Docker/28.2.2 (linux)';
    const plan = reconcile(project, await observe(engine, 'shop'));
    expect(plan.warnings).toEqual([
      'compose.yaml:9:7: "deploy.placement" of service "web" has no effect: it is for clusters, and this is one host',
      'compose.yaml:6:15: "platform" of service "web" has no effect yet',
      'compose.yaml:7:18: "pull_policy" of service "web" has no effect yet',
      'compose.yaml:5:15: secret "file" keeps the owner and mode of its file in service "web": it is no file that can be read',
    ]);
  });
});
