import { describe, expect, test } from 'vitest';
import {
  type ComposeErrors,
  executePlan,
  type HookLine,
  observe,
  type Plan,
  planDown,
  planStart,
  reconcile,
  type ReconcileOptions,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

const text = `
name: p
services:
  db: {image: redis}
  a:
    image: nginx
    user: me
    environment: {A: "1", B: "2"}
    ports: ["80"]
    restart: always
    container_name: web
    depends_on: {db: {condition: service_started}}
    pre_start:
      - {command: [migrate, up], environment: {B: "3"}, working_dir: /w, privileged: true}
      - {command: [chown], image: redis, user: root}
`;
const { project } = loadText(text);

async function plan(engine: FakeEngine, options: ReconcileOptions = {}): Promise<Plan> {
  return reconcile(project, await observe(engine, 'p'), { ignoreOrphans: true, ...options });
}

async function up(
  engine: FakeEngine,
  options: ReconcileOptions = {},
  onOutput: (line: HookLine) => void = () => undefined,
): Promise<void> {
  const observed = await observe(engine, 'p');
  const made = reconcile(project, observed, options);
  await executePlan(made, { engine, project, observed, onOutput });
}

function lines(made: Plan): string[] {
  return made
    .toString()
    .split('\n')
    .filter((line) => !line.includes('p_default'));
}

describe('init containers', () => {
  test('must run one after the other, after what is depended on and before the start', async () => {
    expect(lines(await plan(new FakeEngine()))).toEqual([
      '[1] #2 createContainer p-db-1 — no container',
      '[2] #3 startContainer p-db-1 — created by #2',
      '[1] #4 createContainer web — no container',
      '[1,4] #5 createContainer web_pre_start_1 — pre_start of web',
      '[3,5] #6 runInit web_pre_start_1 — created by #5',
      '[6] #7 removeContainer web_pre_start_1 — completed',
      '[1,4,7] #8 createContainer web_pre_start_2 — pre_start of web',
      '[3,8] #9 runInit web_pre_start_2 — created by #8',
      '[9] #10 removeContainer web_pre_start_2 — completed',
      '[3,4,10] #11 startContainer web — created by #4',
    ]);
  });

  test('must be the service without what others reach it by', async () => {
    const { nodes } = await plan(new FakeEngine());
    const bodies = nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' && action.name.includes('pre_start') ? [action.body] : [],
    );
    expect(bodies).toHaveLength(2);
    expect(bodies[0]).toMatchObject({
      Image: 'nginx',
      Cmd: ['migrate', 'up'],
      Env: ['A=1', 'B=3'],
      User: 'me',
      WorkingDir: '/w',
      Labels: {
        'com.docker.compose.hook': 'pre_start',
        'com.docker.compose.oneoff': 'True',
        'com.docker.compose.service': 'a',
      },
      HostConfig: { VolumesFrom: ['web'], Privileged: true, NetworkMode: 'p_default' },
    });
    expect(bodies[1]).toMatchObject({ Image: 'redis', Cmd: ['chown'], User: 'root' });
    for (const body of bodies) {
      expect(body.Entrypoint).toBeUndefined();
      expect(body.ExposedPorts).toBeUndefined();
      expect(body.HostConfig?.PortBindings).toBeUndefined();
      expect(body.HostConfig?.RestartPolicy).toEqual({ Name: 'no' });
      const aliases = body.NetworkingConfig?.EndpointsConfig?.['p_default']?.Aliases ?? [];
      expect(aliases).not.toContain('a');
      expect(aliases).not.toContain('web');
    }
  });

  test('must be gone when all is done, and not run again while the service runs', async () => {
    const engine = new FakeEngine();
    const printed: string[] = [];
    engine.hooks.set('migrate', { output: 'one\ntwo', exitCode: 0 });
    await up(engine, {}, ({ container, text: line }) => printed.push(`${container} ${line}`));
    expect(printed).toEqual(['web one', 'web two']);
    expect(engine.names()).toEqual(['p-db-1 running', 'p_default', 'web running']);
    expect((await plan(engine)).toString()).toBe('');
  });

  test('must run again for a service that was stopped or is replaced', async () => {
    const engine = new FakeEngine();
    await up(engine);
    const forced = lines(await plan(engine, { forceRecreate: true, services: ['a'] }));
    expect(forced.map((line) => line.replace(/.* #\d+ | —.*/gu, ''))).toEqual([
      'createContainer 000000000000_web',
      'stopContainer web',
      'removeContainer web',
      'renameContainer 000000000000_web web',
      'createContainer web_pre_start_1',
      'runInit web_pre_start_1',
      'removeContainer web_pre_start_1',
      'createContainer web_pre_start_2',
      'runInit web_pre_start_2',
      'removeContainer web_pre_start_2',
      'startContainer web',
    ]);
    engine.exit('web', 0);
    expect(lines(await plan(engine)).filter((line) => line.includes('runInit'))).toHaveLength(2);
  });

  test('must hold the service when one fails, say what it printed, and stay for a look', async () => {
    const engine = new FakeEngine();
    engine.hooks.set('migrate', { output: 'no such table', exitCode: 3 });
    const failure = (await up(engine).catch((error: unknown) => error)) as ComposeErrors;
    expect(failure.errors.map(({ message, path }) => [message, path])).toEqual([
      ['a hook exited with status 3\n  no such table', 'services.a.pre_start.0'],
    ]);
    expect(engine.names()).toEqual([
      'p-db-1 running',
      'p_default',
      'web created',
      'web_pre_start_1 exited',
    ]);
    engine.hooks.clear();
    const again = await plan(engine);
    expect(again.warnings).toEqual([]);
    expect(lines(again).slice(0, 2)).toEqual([
      '[] #1 removeContainer web_pre_start_1 — left by an earlier run',
      '[1] #2 createContainer web_pre_start_1 — pre_start of web',
    ]);
    const down = planDown(await observe(engine, 'p'), { project });
    expect(down.toString()).toContain('removeContainer web_pre_start_1');
    await up(engine);
    expect(engine.names()).toEqual(['p-db-1 running', 'p_default', 'web running']);
  });

  test('must run before the first start of what was only created', async () => {
    const engine = new FakeEngine();
    await up(engine, { noStart: true });
    expect(engine.names()).toEqual(['p-db-1 created', 'p_default', 'web created']);
    expect(lines(planStart(await observe(engine, 'p'), { project }))).toEqual([
      '[] #1 startContainer p-db-1 — created',
      '[] #2 createContainer web_pre_start_1 — pre_start of web',
      '[2] #3 runInit web_pre_start_1 — created by #2',
      '[3] #4 removeContainer web_pre_start_1 — completed',
      '[4] #5 createContainer web_pre_start_2 — pre_start of web',
      '[5] #6 runInit web_pre_start_2 — created by #5',
      '[6] #7 removeContainer web_pre_start_2 — completed',
      '[1,7] #8 startContainer web — created',
    ]);
  });

  test('must run once for all replicas, or before each, and not when one more is added', async () => {
    const scaled = loadText(`
name: p
services:
  a:
    image: nginx
    scale: 2
    pre_start: [{command: [each], per_replica: true}, {command: [once]}]
`).project;
    const engine = new FakeEngine();
    const observed = await observe(engine, 'p');
    const first = reconcile(scaled, observed);
    expect(lines(first).map((line) => line.replace(/ —.*/u, ''))).toEqual([
      '[1] #2 createContainer p-a-1',
      '[1,2] #3 createContainer p-a-1_pre_start_2',
      '[3] #4 runInit p-a-1_pre_start_2',
      '[4] #5 removeContainer p-a-1_pre_start_2',
      '[1,2,5] #6 createContainer p-a-1_pre_start_1',
      '[6] #7 runInit p-a-1_pre_start_1',
      '[7] #8 removeContainer p-a-1_pre_start_1',
      '[2,8] #9 startContainer p-a-1',
      '[1] #10 createContainer p-a-2',
      '[1,5,10] #11 createContainer p-a-2_pre_start_1',
      '[11] #12 runInit p-a-2_pre_start_1',
      '[12] #13 removeContainer p-a-2_pre_start_1',
      '[10,13] #14 startContainer p-a-2',
    ]);
    await executePlan(first, { engine, project: scaled, observed });
    const more = reconcile(scaled, await observe(engine, 'p'), { scale: { a: 3 } });
    expect(lines(more).filter((line) => line.includes('runInit'))).toEqual([
      '[2] #3 runInit p-a-3_pre_start_1 — created by #2',
    ]);
  });

  test('must name an image that is not there at its line', () => {
    const missing = loadText(text.replace('image: redis, user', 'image: nope, user')).project;
    const observed = observe(new FakeEngine(), 'p');
    return expect(observed.then((found) => reconcile(missing, found))).rejects.toThrow(
      'image "nope" of pre_start of service "a" is not on this engine',
    );
  });
});
