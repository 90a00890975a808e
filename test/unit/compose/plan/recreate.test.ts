import { describe, expect, test } from 'vitest';
import {
  divergedVolumes,
  executePlan,
  observe,
  type Project,
  reconcile,
  type ReconcileOptions,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { errorText, loadText } from '../lib/host.ts';

const stack = `
name: p
services:
  db: {image: redis, volumes: ["data:/data", /cache]}
  api:
    image: nginx
    depends_on: {db: {condition: service_started, restart: true}}
  web:
    image: nginx
    depends_on: {api: {condition: service_started, restart: true}}
  other: {image: nginx, depends_on: [db]}
volumes: {data: }
`;

async function running(project: Project): Promise<FakeEngine> {
  const engine = new FakeEngine();
  const observed = await observe(engine, project.name);
  await executePlan(reconcile(project, observed), { engine, project, observed });
  return engine;
}

/** The plan for the changed stack, where the first one runs. */
async function planOf(text: string, options: ReconcileOptions = {}): Promise<string[]> {
  const engine = await running(loadText(stack).project);
  const plan = reconcile(loadText(text).project, await observe(engine, 'p'), options);
  return plan.toString().split('\n');
}

describe('what is recreated', () => {
  test.each([
    ['the named and not what they need', { services: ['web'], forceRecreate: true }, ['web']],
    ['what the named need', { services: ['web'], alwaysRecreateDeps: true }, ['db', 'api']],
    ['everything', { forceRecreate: true }, ['db', 'api', 'other', 'web']],
    ['nothing', { alwaysRecreateDeps: true }, []],
    [
      'one without what it needs',
      { services: ['api'], noDeps: true, forceRecreate: true },
      ['api'],
    ],
  ])('must be %s', async (_what, options, services) => {
    const lines = await planOf(stack, options);
    const created = lines.filter((line) => line.includes('createContainer'));
    expect(created.map((line) => /p-(\w+)-1/.exec(line)?.[1])).toEqual(services);
  });

  test('must be a container without a volume that the service mounts', async () => {
    const engine = await running(loadText(stack.replace('"data:/data", ', '')).project);
    const project = loadText(stack).project;
    const observed = await observe(engine, 'p');
    const sameHash = {
      ...observed,
      containers: observed.containers.map((container) => ({
        ...container,
        configHash: container.service === 'db' ? hashOf(project) : container.configHash,
      })),
    };
    expect(reconcile(project, sameHash).toString()).toContain('_p-db-1 — without volume p_data');
  });

  const hashOf = (project: Project): string => {
    const body = reconcile(project, { ...empty, projectName: 'p' }).nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' && action.service === 'db' ? [action.body] : [],
    );
    return body[0]?.Labels?.['com.docker.compose.config-hash'] ?? '';
  };
  const empty = {
    containers: [],
    networks: [],
    volumes: [],
    images: new Map([
      ['docker.io/library/redis:latest', 'sha256:2'],
      ['docker.io/library/nginx:latest', 'sha256:1'],
    ]),
    readAt: 0,
  };

  test('must be stopped first when many go: those that differ, then the highest numbers', async () => {
    const text = 'name: p\nservices: {a: {image: nginx, scale: 3}}';
    const engine = await running(loadText(text).project);
    const observed = await observe(engine, 'p');
    const changed = {
      ...observed,
      containers: observed.containers.map((container) =>
        container.number === 1 ? { ...container, configHash: 'old' } : container,
      ),
    };
    const plan = reconcile(loadText(text).project, changed, { scale: { a: 2 } });
    expect(plan.toString().split('\n')).toEqual([
      '[] #1 stopContainer p-a-1 — surplus',
      '[1] #2 removeContainer p-a-1 — surplus',
    ]);
  });
});

describe('a dependency that is recreated', () => {
  test('must have its dependents with "restart: true" stopped before and started after', async () => {
    const lines = await planOf(stack.replace('/cache', '/cache2'));
    expect(lines).toEqual([
      '[] #1 createContainer 000000000000_p-db-1 — configuration changed',
      '[1] #2 stopContainer p-web-1 — api is recreated',
      '[1,2] #3 stopContainer p-api-1 — db is recreated',
      '[1,3] #4 stopContainer p-db-1 — replaced by #1',
      '[4] #5 removeContainer p-db-1 — replaced by #1',
      '[5] #6 renameContainer 000000000000_p-db-1 p-db-1 — replaces p-db-1',
      '[6] #7 startContainer p-db-1 — created by #1',
      '[7,3] #8 startContainer p-api-1 — stopped by #3',
      '[8,2] #9 startContainer p-web-1 — stopped by #2',
    ]);
  });

  test('must not stop twice what is recreated itself', async () => {
    const lines = await planOf(stack, { forceRecreate: true });
    const stops = lines.filter((line) => line.includes('stopContainer p-api-1'));
    expect(stops).toEqual(['[1,2] #3 stopContainer p-api-1 — db is recreated']);
  });
});

describe('a network that has changed', () => {
  const changed = `${stack}networks: {default: {driver_opts: {a: b}}}\n`;

  test('must be made anew, with the containers on it and their anonymous volumes', async () => {
    const engine = await running(loadText(stack).project);
    const plan = reconcile(loadText(changed).project, await observe(engine, 'p'));
    const created = plan.nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' && action.service === 'db' ? [action] : [],
    );
    expect(created.map(({ name, cause }) => [name, cause])).toEqual([
      ['p-db-1', 'network default has changed'],
    ]);
    expect(created[0]?.body.HostConfig?.Binds).toEqual([
      'p_data:/data',
      `${'1'.padStart(64, '0')}:/cache`,
    ]);
  });

  test('must first lose everybody, dependents before what they need', async () => {
    const lines = await planOf(changed);
    const removed = lines.filter((line) => line.includes('removeContainer'));
    expect(removed.map((line) => /p-(\w+)-1/.exec(line)?.[1])).toEqual([
      ...['web', 'other', 'api', 'db'],
    ]);
    expect(lines.slice(0, 8)).toContain(
      '[3,5] #7 stopContainer p-db-1 — network default has changed',
    );
    const [, made = ''] = /#(\d+) createNetwork/.exec(lines.join('\n')) ?? [];
    const created = lines.filter((line) => line.includes('createContainer'));
    expect(created).toHaveLength(4);
    for (const line of created) expect(line).toMatch(new RegExp(`^\\[(\\d+,)*${made}\\]`));
  });

  test('must stay where containers are not to be recreated', async () => {
    expect(await planOf(changed, { noRecreate: true })).toEqual(['']);
  });

  test('must be refused while a service that is not named uses it', async () => {
    const engine = await running(loadText(stack).project);
    const observed = await observe(engine, 'p');
    const text = errorText(() =>
      reconcile(loadText(changed).project, observed, { services: ['db'] }),
    );
    expect(text).toContain(
      'network "p_default" has changed, and cannot be made anew while container "p-api-1" uses it',
    );
  });

  test('must be ours: another key on its label is refused', async () => {
    const engine = new FakeEngine();
    const labels = { project: 'p', network: 'other' };
    const own = Object.entries(labels).map(([key, value]) => [`com.docker.compose.${key}`, value]);
    engine.addNetwork('p_default', Object.fromEntries(own) as Record<string, string>);
    const observed = await observe(engine, 'p');
    expect(errorText(() => reconcile(loadText(stack).project, observed))).toContain(
      'network p_default was found but has incorrect label com.docker.compose.network set to "other" (expected: "default")',
    );
  });
});

describe('a volume that has changed', () => {
  const changed = stack.replace('{data: }', '{data: {labels: [a=b]}}');

  test('must be used as it is until somebody agrees', async () => {
    expect(await planOf(changed)).toEqual(['']);
    const engine = await running(loadText(stack).project);
    const observed = await observe(engine, 'p');
    expect(divergedVolumes(loadText(changed).project, observed)).toEqual(['data']);
    expect(divergedVolumes(loadText(stack).project, observed)).toEqual([]);
  });

  test('must be made anew with the containers that mount it', async () => {
    expect(await planOf(changed, { recreateVolumes: ['data'] })).toEqual([
      '[] #1 stopContainer p-db-1 — volume data has changed',
      '[1] #2 removeContainer p-db-1 — volume data has changed',
      '[2] #3 removeVolume p_data — volume data has changed',
      '[3] #4 createVolume p_data — volume data has changed',
      '[2,4] #5 createContainer p-db-1 — volume data has changed',
      '[5] #6 startContainer p-db-1 — created by #5',
    ]);
  });
});
