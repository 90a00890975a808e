import { describe, expect, test } from 'vitest';
import {
  executePlan,
  observe,
  type OneOffOptions,
  planOneOff,
  reconcile,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { errorText, loadText } from '../lib/host.ts';

const { project } = loadText(`
name: p
services:
  web:
    image: nginx
    command: [serve]
    container_name: fixed
    ports: ["80:80"]
    restart: always
    deploy: {restart_policy: {condition: any}}
    cap_add: [NET_ADMIN]
    volumes: ["data:/data", "/cache"]
    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
  db: {image: redis, healthcheck: {test: "true"}}
  job: {image: redis}
  other: {image: redis}
volumes: {data: }
`);

const options: OneOffOptions = {
  service: 'web',
  slug: '0123456789abcdef'.repeat(4),
  overrides: {},
  isTty: false,
  isInteractive: true,
  isDetached: false,
  autoRemove: false,
  useAliases: false,
};

describe('the plan of a one-off', () => {
  test('must start what it needs, and wait as the service does', async () => {
    const observed = await observe(new FakeEngine(), 'p');
    expect(planOneOff(project, observed, options).toString()).toBe(
      [
        '[] #1 createNetwork p_default — missing',
        '[] #2 createVolume p_data — missing',
        '[1] #3 createContainer p-db-1 — no container',
        '[3] #4 startContainer p-db-1 — created by #3',
        '[1] #5 createContainer p-job-1 — no container',
        '[5] #6 startContainer p-job-1 — created by #5',
        '[1,2,4 healthy,6 completed] #7 createContainer p-web-run-0123456789ab — run',
      ].join('\n'),
    );
  });

  test('must leave all others when told so, and start it where nobody attaches', async () => {
    const observed = await observe(new FakeEngine(), 'p');
    const plan = planOneOff(project, observed, { ...options, noDeps: true, isDetached: true });
    expect(plan.toString().split('\n').slice(2)).toEqual([
      '[1,2] #3 createContainer p-web-run-0123456789ab — run',
      '[3] #4 startContainer p-web-run-0123456789ab — created by #3',
    ]);
  });

  test('must not touch replicas of its service', async () => {
    const engine = new FakeEngine();
    engine.onStart = (name) => {
      if (name === 'p-job-1') engine.exit(name, 0);
      else engine.becomeHealthy(name);
    };
    const before = await observe(engine, 'p');
    await executePlan(reconcile(project, before), { engine, project, observed: before });
    const plan = planOneOff(project, await observe(engine, 'p'), { ...options, name: 'mine' });
    const actions = plan.nodes.map(({ action }) => `${action.kind} ${action.name}`);
    expect(actions).toEqual(['startContainer p-job-1', 'createContainer mine']);
  });

  test('must refuse a service that is not there', async () => {
    const observed = await observe(new FakeEngine(), 'p');
    const text = errorText(() => planOneOff(project, observed, { ...options, service: 'no' }));
    expect(text).toContain('no such service');
  });
});

describe('the body of a one-off', () => {
  async function bodyOf(changes: Partial<OneOffOptions> = {}): Promise<Record<string, unknown>> {
    const observed = await observe(new FakeEngine(), 'p');
    const { nodes } = planOneOff(project, observed, { ...options, ...changes });
    const [body] = nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' && action.service === 'web' ? [action.body] : [],
    );
    const { HostConfig, NetworkingConfig, ...rest } = body ?? {};
    const aliases = NetworkingConfig?.EndpointsConfig?.['p_default']?.Aliases;
    return { ...rest, ...HostConfig, aliases };
  }

  test.each<[string, Partial<OneOffOptions>, object]>([
    [
      'nothing that belongs to the service alone',
      {},
      {
        aliases: ['p-web-run-0123456789ab'],
        RestartPolicy: { Name: 'no' },
        Cmd: ['serve'],
        OpenStdin: true,
        StdinOnce: true,
        AttachStdin: true,
      },
    ],
    ['the command', { overrides: { command: ['a'] } }, { Cmd: ['a'] }],
    ['an entrypoint without the command', { overrides: { entrypoint: ['e'] } }, { Cmd: [] }],
    ['names', { useAliases: true, name: 'n' }, { aliases: ['web', 'n'] }],
    ['removal', { autoRemove: true }, { AutoRemove: true }],
    [
      'volumes by target',
      { overrides: { volumes: [{ type: 'bind', source: '/x', target: '/data' }] } },
      { Binds: ['/x:/data'], Mounts: [{ Type: 'volume', Target: '/cache' }] },
    ],
    [
      'capabilities',
      { overrides: { capAdd: ['A'], capDrop: ['NET_ADMIN'] } },
      { CapAdd: ['A'], CapDrop: ['NET_ADMIN'] },
    ],
    [
      'the ports of the service',
      { overrides: { servicePorts: true } },
      { PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
    ],
    ['no input', { isInteractive: false }, { OpenStdin: false, AttachStdin: false }],
  ])('must have %s', async (_what, changes, expected) => {
    expect(await bodyOf(changes)).toMatchObject(expected);
  });

  test('must publish nothing by itself', async () => {
    expect(await bodyOf()).not.toHaveProperty('PortBindings');
  });
});
