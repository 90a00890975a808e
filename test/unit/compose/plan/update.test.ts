import { describe, expect, test } from 'vitest';
import {
  executePlan,
  observe,
  type Plan,
  planRestart,
  planStart,
  reconcile,
  type ReconcileOptions,
} from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

const base = 'name: p\nservices:\n  web:\n    image: nginx\n    labels: {version: "1"}\n';

/** The plan for another version of the service, where replicas of the first one run. */
async function planOf(
  { deploy, more = '' }: { readonly deploy: string; readonly more?: string },
  options: ReconcileOptions = {},
): Promise<Plan> {
  const text = `${base}    deploy: ${deploy}\n${more}`;
  const { project } = loadText(text);
  const engine = new FakeEngine();
  const observed = await observe(engine, 'p');
  await executePlan(reconcile(project, observed), { engine, project, observed });
  const changed = loadText(text.replace('"1"', '"2"')).project;
  return reconcile(changed, await observe(engine, 'p'), options);
}

const aside = (number: number): string => `000000000000_p-web-${number}_replaced`;

describe('update_config', () => {
  test('must replace one after the other, each when the one before has settled', async () => {
    const deploy = '{replicas: 2, update_config: {delay: 1.5s}}';
    expect((await planOf({ deploy })).toString().split('\n')).toEqual([
      '[] #1 createContainer 000000000000_p-web-1 — configuration changed',
      '[1] #2 stopContainer p-web-1 — replaced by #1',
      `[2] #3 renameContainer p-web-1 ${aside(1)} — replaced by #1`,
      '[3] #4 renameContainer 000000000000_p-web-1 p-web-1 — replaces p-web-1',
      '[4] #5 startContainer p-web-1 — created by #1',
      '[5 settled+1500ms,4] #6 createContainer 000000000000_p-web-2 — configuration changed',
      '[6] #7 stopContainer p-web-2 — replaced by #6',
      `[7] #8 renameContainer p-web-2 ${aside(2)} — replaced by #6`,
      '[8] #9 renameContainer 000000000000_p-web-2 p-web-2 — replaces p-web-2',
      '[9] #10 startContainer p-web-2 — created by #6',
      '[5 settled,4] #11 removeContainer p-web-1 — replaced by #1',
      '[10 settled,9] #12 removeContainer p-web-2 — replaced by #6',
    ]);
  });

  test('start-first must stop the old one when the new one has settled', async () => {
    const deploy = '{update_config: {order: start-first}}';
    expect((await planOf({ deploy })).toString().split('\n')).toEqual([
      '[] #1 createContainer 000000000000_p-web-1 — configuration changed',
      '[1] #2 startContainer p-web-1 — created by #1',
      '[2 settled,1] #3 stopContainer p-web-1 — replaced by #1',
      `[2 settled,3] #4 renameContainer p-web-1 ${aside(1)} — replaced by #1`,
      '[4] #5 renameContainer 000000000000_p-web-1 p-web-1 — replaces p-web-1',
      '[2 settled,5] #6 removeContainer p-web-1 — replaced by #1',
    ]);
  });

  test('with rollback nothing must be removed before all have settled', async () => {
    const deploy =
      '{replicas: 3, update_config: {parallelism: 2, failure_action: rollback, order: start-first}}';
    const plan = await planOf({ deploy });
    const removals = plan.nodes.filter(({ action }) => action.kind === 'removeContainer');
    const started = plan.nodes.flatMap(({ action, id }) =>
      action.kind === 'startContainer' ? [id] : [],
    );
    for (const { edges } of removals) {
      expect(
        edges.flatMap((edge) =>
          'node' in edge && edge.condition === 'settled' ? [edge.node] : [],
        ),
      ).toEqual(started);
    }
    expect(removals).toHaveLength(3);
  });

  test.each([
    [1, [1, 1, 1, 1]],
    [3, [3, 1]],
    [0, [4]],
  ])('parallelism %i of four replicas must make batches of %j', async (parallelism, sizes) => {
    const deploy = `{replicas: 4, update_config: {parallelism: ${parallelism}}}`;
    const { nodes } = await planOf({ deploy });
    const batches = new Map<string, number>();
    for (const { action, edges } of nodes) {
      if (action.kind !== 'createContainer') continue;
      const key = JSON.stringify(edges);
      batches.set(key, (batches.get(key) ?? 0) + 1);
    }
    expect([...batches.values()]).toEqual(sizes);
  });

  test.each([
    ['    ports: ["8080:80"]\n', 'publishes port 8080'],
    ['    mac_address: 02:42:ac:11:65:43\n', 'has the address 02:42:ac:11:65:43'],
    [
      '    networks: {default: {ipv4_address: 10.9.0.5}}\nnetworks: {default: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}\n',
      'has the address 10.9.0.5',
    ],
  ])('start-first must give way where two cannot be: %j', async (more, reason) => {
    const plan = await planOf({ deploy: '{update_config: {order: start-first}}', more });
    expect(plan.warnings).toEqual([
      `compose.yaml:6:37: service "web" stops first: it ${reason}, which two containers cannot do at the same time`,
    ]);
    expect(plan.nodes.map(({ action }) => action.kind)).toEqual([
      'createContainer',
      'stopContainer',
      'renameContainer',
      'renameContainer',
      'startContainer',
      'removeContainer',
    ]);
  });

  test('start-first must run init containers on the volumes of the new one', async () => {
    const more = '    volumes: [/d]\n    pre_start: [{command: ["true"], per_replica: true}]\n';
    const plan = await planOf({ deploy: '{update_config: {order: start-first}}', more });
    const sources = plan.nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' ? (action.body.HostConfig?.VolumesFrom ?? []) : [],
    );
    expect(sources).toEqual(['000000000000_p-web-1']);
  });

  describe('paused', () => {
    /** Two replicas of version 1, the first replaced by one of version 2 that has failed. */
    async function paused(): Promise<FakeEngine> {
      const engine = new FakeEngine();
      engine.health = null;
      const text = `${base}    deploy: {update_config: {monitor: 5ms}}\n`;
      for (const version of ['1', '2']) {
        engine.onStart = (name) => {
          if (version === '2') engine.exit(name, 3);
        };
        const { project } = loadText(text.replace('"1"', `"${version}"`));
        const observed = await observe(engine, 'p');
        const run = executePlan(reconcile(project, observed), { engine, project, observed });
        if (version === '2') await expect(run).rejects.toThrow('is paused');
        else await run;
      }
      expect(engine.names()).toEqual([`${aside(1)} exited`, 'p-web-1 exited', 'p_default']);
      engine.onStart = () => undefined;
      return engine;
    }

    test.each(['1', '2', '3'])(
      'then scaled up must have one container of each number: version %s',
      async (version) => {
        const engine = await paused();
        const { project } = loadText(base.replace('"1"', `"${version}"`));
        const observed = await observe(engine, 'p');
        const plan = reconcile(project, observed, { scale: { web: 2 } });
        await executePlan(plan, { engine, project, observed });
        expect(engine.names()).toEqual(['p-web-1 running', 'p-web-2 running', 'p_default']);
        const { containers } = await observe(engine, 'p');
        expect(containers.map(({ labels }) => labels['version'])).toEqual([version, version]);
      },
    );

    test.each([{}, { noRecreate: true }])(
      'what is set aside must get its name back where nobody has it: %j',
      async (options) => {
        const engine = await paused();
        await engine.containers.remove('p-web-1');
        const { project } = loadText(base);
        const observed = await observe(engine, 'p');
        await executePlan(reconcile(project, observed, options), { engine, project, observed });
        expect(engine.names()).toEqual(['p-web-1 running', 'p_default']);
      },
    );

    test('start and restart must leave alone what is set aside', async () => {
      const observed = await observe(await paused(), 'p');
      expect(planStart(observed).toString()).toBe('[] #1 startContainer p-web-1 — exited');
      expect(planRestart(observed).toString()).toBe('[] #1 restartContainer p-web-1 — restart');
    });
  });

  test('must be left aside where nothing is started', async () => {
    const plan = await planOf({ deploy: '{update_config: {parallelism: 1}}' }, { noStart: true });
    expect(plan.toString()).not.toContain('settled');
  });
});
