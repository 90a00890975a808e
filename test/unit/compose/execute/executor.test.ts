import { describe, expect, test } from 'vitest';
import {
  composeErrorsOf,
  executePlan,
  type ExecuteOptions,
  type ExecuteResult,
  formatComposeError,
  observe,
  type ProgressEvent,
  type Project,
  reconcile,
} from '../../../../compose/index.ts';
import { EngineError } from '../../../../engine/api/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { loadText } from '../lib/host.ts';

const shop = `
name: shop
services:
  web:
    image: nginx
    ports:
      - "8080:80"
    depends_on:
      db:
        condition: service_healthy
  db:
    image: redis
    healthcheck: {test: [CMD, "true"]}
    volumes: ["data:/data"]
volumes:
  data:
`;

async function up(
  engine: FakeEngine,
  project: Project,
  options: Partial<ExecuteOptions> = {},
): Promise<ExecuteResult> {
  const observed = await observe(engine, project.name);
  return executePlan(reconcile(project, observed), { engine, project, observed, ...options });
}

async function failure(run: Promise<unknown>): Promise<string> {
  const error: unknown = await run.then(
    () => new Error('it was expected to fail'),
    (reason: unknown) => reason,
  );
  const errors = composeErrorsOf(error);
  if (errors === null) throw error;
  return errors.map(formatComposeError).join('\n');
}

describe('a plan that can be carried out', () => {
  test('must cost one create and one start a container, and wait by events', async () => {
    const engine = new FakeEngine();
    engine.onStart = (name) => {
      if (name === 'shop-db-1') engine.becomeHealthy(name);
    };
    const { containers } = await up(engine, loadText(shop).project);
    expect([...engine.calls].sort()).toEqual([
      'create network shop_default',
      'create shop-db-1',
      'create shop-web-1',
      'create volume shop_data',
      'events',
      'start shop-db-1',
      'start shop-web-1',
    ]);
    expect(engine.calls.indexOf('start shop-web-1')).toBeGreaterThan(
      engine.calls.indexOf('start shop-db-1'),
    );
    expect(containers.map(({ name }) => name)).toEqual(['shop-db-1', 'shop-web-1']);
  });

  test('must tell what becomes of each resource', async () => {
    const events: ProgressEvent[] = [];
    await up(new FakeEngine(), loadText('name: p\nservices: {a: {image: nginx}}').project, {
      onProgress: (event) => events.push(event),
    });
    expect(events.map(({ resource, name, status }) => `${resource} ${name} ${status}`)).toEqual([
      'network p_default creating',
      'network p_default created',
      'container p-a-1 creating',
      'container p-a-1 created',
      'container p-a-1 starting',
      'container p-a-1 started',
    ]);
  });

  test('must show a recreated container under its one name', async () => {
    const engine = new FakeEngine();
    await up(engine, loadText('name: p\nservices: {a: {image: nginx}}').project);
    const events: ProgressEvent[] = [];
    await up(engine, loadText('name: p\nservices: {a: {image: nginx, tty: true}}').project, {
      onProgress: (event) => events.push(event),
    });
    expect(events.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'p-a-1 recreating',
      'p-a-1 recreated',
      'p-a-1 starting',
      'p-a-1 started',
    ]);
    expect(engine.names()).toEqual(['p-a-1 running', 'p_default']);
  });

  test('must keep to the limit of calls at a time', async () => {
    const engine = new FakeEngine();
    const running = { now: 0, most: 0 };
    const create = engine.containers.create.bind(engine.containers);
    engine.containers.create = async (body, options) => {
      running.now += 1;
      running.most = Math.max(running.most, running.now);
      const made = await create(body, options);
      running.now -= 1;
      return made;
    };
    const { project } = loadText('name: p\nservices: {a: {image: nginx, scale: 9}}');
    await up(engine, project, { concurrency: 2 });
    expect(running.most).toBe(2);
  });

  test('must hand on what the engine warns of', async () => {
    const engine = new FakeEngine();
    engine.warnings = ['the image is old'];
    const { warnings } = await up(
      engine,
      loadText('name: p\nservices: {a: {image: nginx}}').project,
    );
    expect(warnings).toEqual(['service "a": the image is old']);
  });

  test('must say at its line, and once, what the engine has no use for', async () => {
    const engine = new FakeEngine();
    engine.warnings = [
      'Tty has no effect on this engine yet',
      'LogConfig.Type "syslog" has no effect on this engine yet',
    ];
    const { project } = loadText(
      'name: p\nservices:\n  a:\n    image: nginx\n    scale: 2\n    tty: true\n    logging:\n      driver: syslog\n',
    );
    expect((await up(engine, project)).warnings).toEqual([
      'compose.yaml:6:10: "tty" of service "a" has no effect on this engine yet',
      'compose.yaml:8:15: "logging.driver: syslog" of service "a" has no effect on this engine yet',
    ]);
  });
});

const conflict = new EngineError('conflict', 'the name is in use');

describe('another up of the same project', () => {
  const { project } = loadText('name: p\nservices: {a: {image: nginx}}');

  test('must be given what it was quicker to make', async () => {
    const engine = new FakeEngine();
    const { containers, networks } = engine;
    const create = containers.create.bind(containers);
    containers.create = async (body, options) => {
      await create(body, options);
      throw conflict;
    };
    const createNetwork = networks.create.bind(networks);
    networks.create = async (body) => {
      await createNetwork(body);
      throw conflict;
    };
    expect(await up(engine, project)).toMatchObject({ containers: [{ name: 'p-a-1' }] });
    expect(engine.names()).toEqual(['p-a-1 running', 'p_default']);
  });

  test('must be waited for while it makes it', async () => {
    const engine = new FakeEngine();
    engine.fail('create p-a-1', conflict);
    engine.fail('create network p_default', conflict);
    await up(engine, project);
    expect(engine.names()).toEqual(['p-a-1 running', 'p_default']);
  });

  test('must not lose to the undoing of this one', async () => {
    const engine = new FakeEngine();
    const { containers } = engine;
    const create = containers.create.bind(containers);
    containers.create = async (body, options) => {
      await create(body, options);
      throw conflict;
    };
    engine.fail('start p-a-1', new EngineError('internal', 'no'));
    await expect(up(engine, project)).rejects.toThrow();
    expect(engine.names()).toEqual(['p-a-1 created']);
  });

  test('may be quicker to recreate the container', async () => {
    const engine = new FakeEngine();
    await up(engine, project);
    const { containers } = engine;
    const create = containers.create.bind(containers);
    const stop = containers.stop.bind(containers);
    const rename = containers.rename.bind(containers);
    containers.create = async (body, options) => {
      await create(body, options);
      throw conflict;
    };
    containers.stop = async (ref, options) => {
      await stop(ref, options);
      await containers.remove(ref);
      throw new EngineError('not-found', 'no such container');
    };
    containers.rename = async (ref, name) => {
      await rename(ref, name);
      throw new EngineError('invalid-argument', 'the name is its own');
    };
    const changed = loadText('name: p\nservices: {a: {image: nginx, user: "1"}}').project;
    await up(engine, changed);
    expect(engine.names()).toEqual(['p-a-1 running', 'p_default']);
  });

  test('is no excuse for a container of somebody else', async () => {
    const engine = new FakeEngine();
    await engine.containers.create({ Image: 'x' }, { name: 'p-a-1' });
    const create = engine.containers.create.bind(engine.containers);
    engine.containers.create = async (body, options) => {
      if (options.name === 'p-a-1') throw conflict;
      return await create(body, options);
    };
    const observed = { ...(await observe(engine, 'p')), containers: [] };
    const run = executePlan(reconcile(project, observed), { engine, project, observed });
    expect(await failure(run)).toMatch(/^error\[engine-refused\]: the name is in use/);
  });
});

describe('a condition', () => {
  test('must count as met, with a warning, where the engine runs no healthchecks', async () => {
    const engine = new FakeEngine();
    engine.health = null;
    const { warnings } = await up(engine, loadText(shop).project);
    expect(warnings).toEqual([
      '"shop-db-1" counts as healthy once it is started: this engine does not run healthchecks yet',
    ]);
  });

  test('that can never be met must fail at its line and leave everything for a look', async () => {
    const engine = new FakeEngine();
    engine.onStart = (name) => {
      if (name === 'shop-db-1') engine.exit(name, 3);
    };
    expect(await failure(up(engine, loadText(shop).project))).toBe(
      [
        'error[dependency-failed]: dependency failed to start: container shop-db-1 exited (3)',
        '  --> compose.yaml:9:7',
        '   |',
        ' 8 |     depends_on:',
        ' 9 |       db:',
        '   |       ^^',
        '  = hint: look at its output with "logs"; what was started is still there',
      ].join('\n'),
    );
    expect(engine.names()).toEqual([
      'shop-db-1 exited',
      'shop-web-1 created',
      'shop_data',
      'shop_default',
    ]);
  });

  test('service_completed_successfully must wait for the exit', async () => {
    const engine = new FakeEngine();
    engine.onStart = (name) => {
      if (name === 'p-init-1') engine.exit(name, 0);
    };
    const { project } = loadText(`
name: p
services:
  web: {image: nginx, depends_on: {init: {condition: service_completed_successfully}}}
  init: {image: nginx}
`);
    await up(engine, project);
    expect(engine.names()).toEqual(['p-init-1 exited', 'p-web-1 running', 'p_default']);
  });

  test('of an optional dependency must only warn', async () => {
    const engine = new FakeEngine();
    engine.onStart = (name) => {
      if (name === 'p-init-1') engine.exit(name, 1);
    };
    const { project } = loadText(`
name: p
services:
  web:
    image: nginx
    depends_on: {init: {condition: service_completed_successfully, required: false}}
  init: {image: nginx}
`);
    const { warnings } = await up(engine, project);
    expect(warnings).toEqual([
      `optional dependency "init" failed to start: service "init" didn't complete successfully: exit 1`,
    ]);
  });
});

describe('a failure', () => {
  test('must undo what this run made and point at the port', async () => {
    const engine = new FakeEngine();
    engine.onStart = (name) => {
      engine.becomeHealthy(name);
    };
    const details = { code: 'port-in-use', protocol: 'tcp', address: '0.0.0.0', port: '8080' };
    const hint = 'process 4312 (nginx) holds it; stop it or publish another port';
    const message = 'cannot start "shop-web-1": address 0.0.0.0:8080 is already in use';
    engine.fail('start shop-web-1', new EngineError('conflict', message, { hint, details }));
    expect(await failure(up(engine, loadText(shop).project))).toBe(
      [
        'error[port-in-use]: cannot start "shop-web-1": address 0.0.0.0:8080 is already in use',
        '  --> compose.yaml:7:9',
        '   |',
        ' 6 |     ports:',
        ' 7 |       - "8080:80"',
        '   |         ^^^^^^^^^',
        '  = hint: process 4312 (nginx) holds it; stop it or publish another port',
      ].join('\n'),
    );
    expect(engine.names()).toEqual([]);
  });

  test('in the words of dockerd must point at the port as well', async () => {
    const engine = new FakeEngine();
    engine.health = null;
    engine.fail(
      'start shop-web-1',
      new EngineError(
        'internal',
        'failed to set up container networking: Bind for 0.0.0.0:8080 failed: port is already allocated',
      ),
    );
    expect(await failure(up(engine, loadText(shop).project))).toContain('compose.yaml:7:9');
  });

  test('of the engine itself must not blame a line of the file', async () => {
    const engine = new FakeEngine();
    engine.fail('create volume shop_data', new EngineError('internal', 'disk on fire'));
    expect(await failure(up(engine, loadText(shop).project))).toBe(
      'error[engine-refused]: disk on fire',
    );
  });

  test('that the file asked for must be shown at the service', async () => {
    const engine = new FakeEngine();
    const message = 'this engine does not serve PidMode "host" yet';
    engine.fail('create shop-web-1', new EngineError('not-implemented', message));
    expect(await failure(up(engine, loadText(shop).project))).toContain('--> compose.yaml:4:3');
  });

  test('must leave what was there before', async () => {
    const engine = new FakeEngine();
    await up(engine, loadText('name: p\nservices: {a: {image: nginx}}').project);
    const more = loadText('name: p\nservices: {a: {image: nginx}, b: {image: nginx}}').project;
    engine.fail('start p-b-1', new EngineError('internal', 'no'));
    expect(await failure(up(engine, more))).toContain('error[engine-refused]: no');
    expect(engine.names()).toEqual(['p-a-1 running', 'p_default']);
  });

  test('of a replacement must leave the container it would have replaced', async () => {
    const engine = new FakeEngine();
    await up(engine, loadText('name: p\nservices: {a: {image: nginx}}').project);
    engine.fail('stop p-a-1', new EngineError('internal', 'will not stop'));
    const changed = loadText('name: p\nservices: {a: {image: nginx, tty: true}}').project;
    await failure(up(engine, changed));
    expect(engine.names()).toEqual(['p-a-1 running', 'p_default']);
  });

  test('must report what could not be undone', async () => {
    const engine = new FakeEngine();
    engine.fail('start p-a-1', new EngineError('internal', 'no start'));
    engine.fail('remove p-a-1 force volumes', new EngineError('internal', 'no removal'));
    const text = await failure(
      up(engine, loadText('name: p\nservices: {a: {image: nginx}}').project),
    );
    expect(text).toContain('no start');
    expect(text).toContain('cannot remove container "p-a-1" again: no removal');
  });

  test('must name every service that failed', async () => {
    const engine = new FakeEngine();
    engine.fail('create p-a-1', new EngineError('internal', 'no a'));
    engine.fail('create p-b-1', new EngineError('internal', 'no b'));
    const { project } = loadText('name: p\nservices: {a: {image: nginx}, b: {image: nginx}}');
    const text = await failure(up(engine, project));
    expect(text).toContain('no a');
    expect(text).toContain('no b');
    expect(engine.names()).toEqual([]);
  });
});

describe('an abort', () => {
  test('before the start must do nothing', async () => {
    const engine = new FakeEngine();
    const signal = AbortSignal.abort(new Error('interrupted'));
    await expect(up(engine, loadText(shop).project, { signal })).rejects.toThrow('interrupted');
    expect(engine.calls).toEqual([]);
  });

  test('while a condition is waited for must undo and reject with its reason', async () => {
    const engine = new FakeEngine();
    const controller = new AbortController();
    const run = up(engine, loadText(shop).project, {
      signal: controller.signal,
      onProgress: ({ status }) => {
        if (status === 'waiting') controller.abort(new Error('interrupted'));
      },
    });
    await expect(run).rejects.toThrow('interrupted');
    expect(engine.names()).toEqual([]);
  });
});
