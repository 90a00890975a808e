import { describe, expect, test } from 'vitest';
import {
  executePlan,
  type HookLine,
  observe,
  planDown,
  planRestart,
  planStop,
  reconcile,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

const { project } = loadText(`
name: p
services:
  a:
    image: nginx
    post_start:
      - {command: one, user: root, working_dir: /w, environment: {K: v}, privileged: true}
      - command: two
    pre_stop: [{command: bye}]
  b: {image: nginx, depends_on: [a]}
`);

async function up(
  engine: FakeEngine,
  onOutput: (line: HookLine) => void = () => undefined,
): Promise<void> {
  const observed = await observe(engine, 'p');
  await executePlan(reconcile(project, observed), { engine, project, observed, onOutput });
}

async function running(): Promise<FakeEngine> {
  const engine = new FakeEngine();
  await up(engine);
  return engine;
}

describe('hooks after the start', () => {
  test('must run in order, and hold back who depends on the service', async () => {
    const observed = await observe(new FakeEngine(), 'p');
    expect(reconcile(project, observed).toString().split('\n').slice(1)).toEqual([
      '[1] #2 createContainer p-a-1 — no container',
      '[2] #3 startContainer p-a-1 — created by #2',
      '[3] #4 runHook p-a-1 — started by #3',
      '[4] #5 runHook p-a-1 — started by #3',
      '[1] #6 createContainer p-b-1 — no container',
      '[5,6] #7 startContainer p-b-1 — created by #6',
    ]);
    const { calls } = await running();
    expect(calls.filter((call) => call.startsWith('exec'))).toEqual([
      'exec p-a-1 one root /w K=v privileged',
      'exec p-a-1 two',
    ]);
  });

  test('must show what they print line by line', async () => {
    const engine = new FakeEngine();
    engine.hooks.set('one', { output: 'first\nrest', exitCode: 0 });
    const lines: HookLine[] = [];
    await up(engine, (line) => lines.push(line));
    const common = { container: 'p-a-1', service: 'a', stream: 'stdout' };
    expect(lines).toEqual([
      { ...common, text: 'first' },
      { ...common, text: 'rest' },
    ]);
  });

  test('must fail the command, and leave the container for a look at it', async () => {
    const engine = new FakeEngine();
    engine.hooks.set('one', { output: '', exitCode: 7 });
    await expect(up(engine)).rejects.toThrow('a hook exited with status 7');
    expect(engine.names()).toEqual(['p-a-1 running', 'p-b-1 created', 'p_default']);
  });
});

describe('hooks before the stop', () => {
  test.each([
    [
      'stop',
      planStop,
      [
        '[] #1 stopContainer p-b-1 — running',
        '[1] #2 runHook p-a-1 — stop',
        '[2] #3 stopContainer p-a-1 — running',
      ],
    ],
    [
      'restart',
      planRestart,
      [
        '[] #1 runHook p-a-1 — stop',
        '[1] #2 restartContainer p-a-1 — restart',
        '[2] #3 runHook p-a-1 — started by #2',
        '[3] #4 runHook p-a-1 — started by #2',
        '[] #5 restartContainer p-b-1 — restart',
      ],
    ],
  ])('must run for %s', async (_what, planOf, lines) => {
    const observed = await observe(await running(), 'p');
    expect(planOf(observed, { project }).toString().split('\n')).toEqual(lines);
  });

  test('must not run for what does not run, nor without the file', async () => {
    const engine = await running();
    const withoutFile = planDown(await observe(engine, 'p')).toString();
    expect(withoutFile).not.toContain('runHook');
    engine.exit('p-a-1', 0);
    const down = planDown(await observe(engine, 'p'), { project }).toString();
    expect(down).not.toContain('runHook');
  });

  test('must keep the container running when they fail', async () => {
    const engine = await running();
    engine.hooks.set('bye', { output: '', exitCode: 8 });
    const observed = await observe(engine, 'p');
    const plan = planStop(observed, { project, services: ['a'] });
    await expect(executePlan(plan, { engine, project, observed })).rejects.toThrow(
      'a hook exited with status 8',
    );
    expect(engine.names()).toContain('p-a-1 running');
  });

  test('must run before a container is replaced', async () => {
    const plan = reconcile(project, await observe(await running(), 'p'), { forceRecreate: true });
    expect(plan.toString().split('\n').slice(0, 3)).toEqual([
      '[] #1 createContainer 000000000000_p-a-1 — forced',
      '[1] #2 runHook p-a-1 — stop',
      '[2] #3 stopContainer p-a-1 — replaced by #1',
    ]);
  });
});
