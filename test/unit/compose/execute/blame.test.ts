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

describe('a value that the engine refuses', () => {
  test.each<readonly [message: string, attribute: string, column: number]>([
    ['invalid signal: SIGFOO', 'stop_signal: SIGFOO', 18],
    ['invalid CapAdd: unknown capability: "CAP_NET_ADMN"', 'cap_add: [CHOWN, net_admn]', 22],
    ['invalid ulimit type: "nofil"', 'ulimits: {nofil: 5}', 22],
    ['sysctl "kernel.foo" is not in a separate kernel namespace', 'sysctls: [kernel.foo=1]', 15],
    ["the working directory 'rel/path' is invalid", 'working_dir: rel/path', 18],
    ["invalid mount path: 'b' mount path must be absolute", 'volumes: ["./a:b"]', 15],
    ['address "10.1.1.1" is not in subnet', 'networks: {default: {ipv4_address: 10.1.1.1}}', 40],
    ['something about "a" and p-a-1', 'stop_signal: SIGINT', 0],
  ])('%s', async (message, attribute, column) => {
    const engine = new FakeEngine();
    engine.fail('create p-a-1', new EngineError('invalid-argument', message));
    const { project } = loadText(`name: p\nservices:\n  a:\n    image: nginx\n    ${attribute}\n`);
    const place = column === 0 ? '3:3' : `5:${column}`;
    const observed = await observe(engine, project.name);
    const run = executePlan(reconcile(project, observed), { engine, project, observed });
    const error: unknown = await run.then(
      () => null,
      (reason: unknown) => reason,
    );
    const shown = composeErrorsOf(error)?.map(formatComposeError).join('\n');
    expect(shown).toContain(`--> compose.yaml:${place}\n`);
  });

  test('as a file that is not there is shown where the file is named', async () => {
    const engine = new FakeEngine();
    const message =
      'invalid mount config for type "bind": bind source path does not exist: /shop/t.txt';
    engine.fail('create p-a-1', new EngineError('invalid-argument', message));
    const { project } = loadText(
      'name: p\nservices: {a: {image: nginx, secrets: [t]}}\nsecrets:\n  t:\n    file: t.txt\n',
    );
    const observed = await observe(engine, project.name);
    const run = executePlan(reconcile(project, observed), { engine, project, observed });
    await expect(run).rejects.toMatchObject({
      errors: [{ code: 'file-not-found', position: { line: 5, column: 11 } }],
    });
  });
});
