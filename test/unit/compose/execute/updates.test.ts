import { describe, expect, test } from 'vitest';
import {
  composeErrorsOf,
  executePlan,
  formatComposeError,
  observe,
  reconcile,
} from '../../../../compose/index.ts';
import { EngineError } from '../../../../engine/api/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

interface Update {
  readonly engine: FakeEngine;
  /** null: it went well. */
  readonly error: string | null;
  readonly warnings: readonly string[];
}

/** Three replicas of one version, then `up` with the next one; `onStart` sees the starts of the second. */
async function update(
  config: string,
  onStart: (engine: FakeEngine, name: string) => void,
  prepare: (engine: FakeEngine) => void = () => undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<Update> {
  const text = `name: p\nservices:\n  web:\n    image: nginx\n    labels: {version: "1"}\n    deploy:\n      replicas: 3\n      ${config}\n`;
  const engine = new FakeEngine();
  engine.health = null;
  const first = loadText(text).project;
  const before = await observe(engine, 'p');
  await executePlan(reconcile(first, before), { engine, project: first, observed: before });
  engine.calls.length = 0;
  engine.onStart = (name) => {
    onStart(engine, name);
  };
  prepare(engine);
  const project = loadText(text.replace('"1"', '"2"')).project;
  const observed = await observe(engine, 'p');
  try {
    const plan = reconcile(project, observed);
    const { warnings } = await executePlan(plan, { engine, project, observed, signal });
    return { engine, error: null, warnings };
  } catch (error) {
    if (error === signal.reason) return { engine, error: 'interrupted', warnings: [] };
    const errors = composeErrorsOf(error);
    if (errors === null) throw error;
    return { engine, error: errors.map(formatComposeError).join('\n'), warnings: [] };
  }
}

/** Name and version of what there is. */
async function versions(engine: FakeEngine): Promise<string[]> {
  const { containers } = await observe(engine, 'p');
  return containers.map(
    ({ name, labels, status }) => `${name} v${labels['version'] ?? ''} ${status}`,
  );
}

/** Of containers whose name ends so. */
const policies = (engine: FakeEngine, ending: string): string[] =>
  engine.restartPolicies.flatMap(([name, policy]) => (name.endsWith(ending) ? [policy] : []));

const replaced = (version: number): string[] =>
  [1, 2, 3].map((number) => `p-web-${number} v${version} running`);
const nothing = (): void => undefined;
const endingOf =
  (wanted: string) =>
  (engine: FakeEngine, name: string): void => {
    const isAgain = engine.calls.filter((call) => call === `start ${name}`).length > 1;
    if (name === wanted && !isAgain) engine.exit(name, 7);
  };

describe('an update', () => {
  test.each(['stop-first', 'start-first'])('%s must replace every container', async (order) => {
    const { engine, error } = await update(
      `update_config: {monitor: 5ms, delay: 5ms, order: ${order}}`,
      nothing,
    );
    expect(error).toBeNull();
    expect(await versions(engine)).toEqual(replaced(2));
  });

  test('must wait until a container with a healthcheck is healthy', async () => {
    const started: string[] = [];
    const { engine, error } = await update(
      'update_config: {order: start-first}',
      (subject, name) => {
        started.push(name);
        // What it replaces must go on until then.
        expect(subject.calls).not.toContain(`stop ${name.replace(/^.*_/, '')}`);
        setImmediate(() => {
          expect(started.at(-1)).toBe(name);
          subject.becomeHealthy(name);
        });
      },
      (subject) => {
        subject.health = 'starting';
      },
    );
    expect(error).toBeNull();
    expect(started).toHaveLength(3);
    expect(await versions(engine)).toEqual(replaced(2));
  });

  test('that fails must be paused, with its failure left for a look', async () => {
    const { engine, error } = await update('update_config: {monitor: 5ms}', endingOf('p-web-2'));
    expect(error).toBe(
      [
        'error[update-failed]: update of service "web" is paused: container p-web-2 exited (7)',
        '  --> compose.yaml:8:7',
        '   |',
        ' 7 |       replicas: 3',
        ' 8 |       update_config: {monitor: 5ms}',
        '   |       ^^^^^^^^^^^^^',
        '  = hint: containers that were not replaced yet are as they were; mend what is wrong, and run "up" again',
      ].join('\n'),
    );
    expect(await versions(engine)).toEqual([
      '000000000000_p-web-2_replaced v1 exited',
      'p-web-1 v2 running',
      'p-web-2 v2 exited',
      'p-web-3 v1 running',
    ]);
  });

  test('start-first that fails must leave what runs as it is', async () => {
    const { engine, error } = await update(
      'update_config: {monitor: 5ms, order: start-first}',
      endingOf('000000000000_p-web-1'),
    );
    expect(error).toContain('is paused: container p-web-1 exited (7)');
    expect(await versions(engine)).toEqual(replaced(1));
  });

  test.each(['stop-first', 'start-first'])(
    'with rollback must be taken back to the containers that ran before: %s',
    async (order) => {
      const { engine, error } = await update(
        `{update_config: {monitor: 5ms, order: ${order}, failure_action: rollback}, rollback_config: {monitor: 1ms, order: ${order}}}`
          .slice(1, -1)
          .replace(', rollback_config', '\n      rollback_config'),
        endingOf(order === 'stop-first' ? 'p-web-3' : '000000000000_p-web-3'),
      );
      expect(error).toContain(
        'update of service "web" is taken back: container p-web-3 exited (7)',
      );
      expect(await versions(engine)).toEqual(replaced(1));
      expect(engine.calls.filter((call) => call.startsWith('create '))).toHaveLength(3);
    },
  );

  test.each([
    ['stop-first', 'p-web-3'],
    ['start-first', '000000000000_p-web-3'],
  ])(
    'what is set aside must not be restarted by its engine until it is back: %s',
    async (order, failing) => {
      const aside: string[] = [];
      const { engine, error } = await update(
        `update_config: {monitor: 5ms, order: ${order}, failure_action: rollback}\n      rollback_config: {monitor: 1ms}\n    restart: always`,
        (subject, name) => {
          if (name === failing && aside.length === 0) aside.push(...policies(subject, '_replaced'));
          endingOf(failing)(subject, name);
        },
      );
      expect(error).toContain('is taken back');
      expect(aside).toEqual(['no', 'no', ...(order === 'stop-first' ? ['no'] : [])]);
      expect(await versions(engine)).toEqual(replaced(1));
      expect(policies(engine, '')).toEqual(['always', 'always', 'always']);
    },
  );

  test.each(['stop-first', 'start-first'])(
    'that is broken off must be brought to its end by the next up, which clears what was set aside: %s',
    async (order) => {
      const config = `update_config: {monitor: 5ms, order: ${order}}\n    restart: always`;
      const abort = new AbortController();
      const { engine } = await update(
        config,
        () => {
          abort.abort(new Error('interrupted'));
        },
        nothing,
        abort.signal,
      );
      expect((await versions(engine)).join()).toMatch(
        order === 'stop-first' ? /_replaced/ : /p-web/,
      );
      engine.onStart = nothing;
      const text = `name: p\nservices: {web: {image: nginx, restart: always, labels: {version: "2"}, scale: 3}}\n`;
      const { project } = loadText(text);
      const observed = await observe(engine, 'p');
      await executePlan(reconcile(project, observed), { engine, project, observed });
      expect(await versions(engine)).toEqual(replaced(2));
      expect(policies(engine, '')).toEqual(['always', 'always', 'always']);
    },
  );

  test('a rollback that fails must be told as well', async () => {
    let starts = 0;
    const { error } = await update(
      'update_config: {monitor: 5ms, failure_action: rollback}\n      rollback_config: {monitor: 5ms}',
      (engine, name) => {
        starts += 1;
        if (starts > 1) engine.exit(name, starts);
      },
    );
    expect(error).toContain('update of service "web" is taken back: container p-web-2 exited (2)');
    expect(error).toContain('rollback of service "web" is paused: container p-web-1 exited (3)');
  });

  test('a rollback must be watched to the end of its last batch, and be mended by the next up', async () => {
    const { engine, error } = await update(
      'update_config: {monitor: 5ms, failure_action: rollback}\n      rollback_config: {monitor: 5ms, parallelism: 0}',
      (subject, name) => {
        if (name === 'p-web-1') subject.exit(name, 9);
      },
    );
    expect(error).toContain('rollback of service "web" is paused: container p-web-1 exited (9)');
    expect(await versions(engine)).toEqual([
      '000000000000_p-web-1_replaced v2 exited',
      'p-web-1 v1 exited',
      'p-web-2 v1 running',
      'p-web-3 v1 running',
    ]);
    engine.onStart = nothing;
    const text = `name: p\nservices: {web: {image: nginx, labels: {version: "3"}, scale: 3}}\n`;
    const { project } = loadText(text);
    const observed = await observe(engine, 'p');
    await executePlan(reconcile(project, observed), { engine, project, observed });
    expect(await versions(engine)).toEqual(replaced(3));
  });

  test.each([
    ['failure_action: continue', 'goes on'],
    ['max_failure_ratio: 0.34', 'goes on'],
    ['max_failure_ratio: 0.33', 'is paused'],
  ])('with one failure of three and %s: %s', async (option, outcome) => {
    const { error, warnings, engine } = await update(
      `update_config: {monitor: 5ms, ${option}}`,
      endingOf('p-web-1'),
    );
    if (outcome === 'is paused') {
      expect(error).toContain('update of service "web" is paused');
      return;
    }
    expect([error, warnings]).toEqual([
      null,
      ['update of service "web" goes on: container p-web-1 exited (7)'],
    ]);
    expect(await versions(engine)).toEqual([
      'p-web-1 v2 exited',
      'p-web-2 v2 running',
      'p-web-3 v2 running',
    ]);
  });

  test.each([
    ['pause', null, 'update of service "web" is paused: container p-web-1 exited (7)'],
    ['rollback', null, 'update of service "web" is taken back: container p-web-1 exited (7)'],
    ['continue', 'update of service "web" goes on: container p-web-1 exited (7)', null],
  ])('with %s must do so without any output, too', async (action, warning, wanted) => {
    const { engine, error, warnings } = await update(
      `update_config: {monitor: 5ms, failure_action: ${action}}\n      rollback_config: {monitor: 1ms}`,
      endingOf('p-web-1'),
      (subject) => {
        subject.fail('logs p-web-1', new EngineError('not-implemented', 'driver none keeps none'));
      },
    );
    if (wanted === null) expect([error, warnings]).toEqual([null, [warning]]);
    else expect(error).toContain(wanted);
    if (action === 'rollback') expect(await versions(engine)).toEqual(replaced(1));
  });

  test('a container that cannot be watched must be such a failure', async () => {
    const { engine, error } = await update(
      'update_config: {monitor: 5ms, failure_action: rollback}\n      rollback_config: {monitor: 0s}',
      nothing,
      (subject) => {
        const inspect = subject.containers.inspect.bind(subject.containers);
        let count = 0;
        subject.containers.inspect = async (ref, options) => {
          count += 1;
          // The first is asked how it is restarted.
          if (count === 2) throw new EngineError('internal', 'cannot read its state');
          return await inspect(ref, options);
        };
      },
    );
    expect(error).toContain('update of service "web" is taken back: cannot read its state');
    expect(await versions(engine)).toEqual(replaced(1));
  });

  test('that goes on must not count what was never started as healthy', async () => {
    const text = (version: number): string =>
      `name: p\nservices:\n  web:\n    image: nginx\n    labels: {version: "${version}"}\n    healthcheck: {test: "true"}\n    deploy: {update_config: {failure_action: continue}}\n  api: {image: nginx, labels: {version: "${version}"}, depends_on: {web: {condition: service_healthy}}}\n`;
    const engine = new FakeEngine();
    engine.health = null;
    const up = async (version: number): Promise<unknown> => {
      const { project } = loadText(text(version));
      const observed = await observe(engine, 'p');
      return await executePlan(reconcile(project, observed), { engine, project, observed });
    };
    await up(1);
    engine.fail('start p-web-1', new EngineError('internal', 'no such program'));
    await expect(up(2)).rejects.toThrow(
      'dependency failed to start: container p-web-1 was not started',
    );
    expect(engine.calls.filter((call) => call === 'start p-api-1')).toHaveLength(1);
  });

  test('a start that the engine refuses must be such a failure, and lose nobody', async () => {
    const { engine, error } = await update(
      'update_config: {monitor: 5ms, parallelism: 0, failure_action: rollback}',
      nothing,
      (subject) => {
        subject.fail('start p-web-2', new EngineError('internal', 'no such program'));
      },
    );
    expect(error).toContain('update of service "web" is taken back: no such program');
    expect(await versions(engine)).toEqual(replaced(1));
  });

  test('a create that the engine refuses must leave everything as it was', async () => {
    const { engine, error } = await update(
      'update_config: {monitor: 5ms, parallelism: 0}',
      nothing,
      (subject) => {
        subject.fail(
          'create 000000000000_p-web-3',
          new EngineError('invalid-argument', 'no such thing'),
        );
      },
    );
    expect(error).toContain('no such thing');
    expect(await versions(engine)).toEqual(replaced(1));
  });
});

test('what could not be set aside must be restarted by its engine as before', async () => {
  const { engine, error } = await update(
    'update_config: {monitor: 5ms, order: start-first}\n    restart: always',
    nothing,
    (subject) => {
      for (const number of [1, 2, 3]) {
        const call = `rename p-web-${number} ${'0'.repeat(12)}_p-web-${number}_replaced`;
        subject.fail(call, new EngineError('conflict', 'in use'));
      }
    },
  );
  expect(error).toContain('in use');
  expect(await versions(engine)).toEqual(replaced(1));
  expect(policies(engine, '')).toEqual(['always', 'always', 'always']);
});
