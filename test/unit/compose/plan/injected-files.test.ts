import { describe, expect, test } from 'vitest';
import { executePlan, observe, planStart, reconcile } from '../../../../compose/index.ts';
import { FakeEngine } from '../lib/engine.ts';
import { errorText, loadText } from '../lib/host.ts';

const files = { '/shop/held': 'of a file' };
const environment = { TOKEN: 'of a \u00fcber secret' };

function text(service: string, resources = ''): string {
  return `
name: p
services:
  a: {image: nginx, ${service}}
secrets: {token: {environment: TOKEN}, held: {file: ./held}, lost: {environment: LOST}, far: {external: true}}
configs: {text: {content: "x=1"}, token: {environment: TOKEN}, far: {external: true}}
${resources}`;
}

describe('secrets and configs that are no files', () => {
  test.each([
    ['secrets: [token]', `/run/secrets/token=${environment.TOKEN} 0:0 444 in memory`],
    [
      'secrets: [{source: token, target: t, uid: "7", gid: "8", mode: 0400}]',
      `/run/secrets/t=${environment.TOKEN} 7:8 400 in memory`,
    ],
    ['configs: [text]', '/text=x=1 0:0 444 in disk'],
    ['configs: [{source: text, target: /etc/x}]', '/etc/x=x=1 0:0 444 in disk'],
    ['configs: [{source: token, mode: 0755}]', `/token=${environment.TOKEN} 0:0 755 in memory`],
    ['read_only: true, configs: [text]', '/text=x=1 0:0 444 in disk'],
  ])('%s must be written between creation and start', async (service, file) => {
    const engine = new FakeEngine();
    const { project } = loadText(text(service), { environment, files });
    const observed = await observe(engine, 'p');
    const plan = reconcile(project, observed);
    expect(plan.toString().split('\n').slice(1)).toEqual([
      '[1] #2 createContainer p-a-1 — no container',
      '[2] #3 writeFiles p-a-1 — created by #2',
      '[3] #4 startContainer p-a-1 — created by #2',
    ]);
    await executePlan(plan, { engine, project, observed });
    expect(engine.calls.filter((call) => call.startsWith('write'))).toEqual([
      `write p-a-1 ${file}`,
    ]);
    const again = reconcile(project, await observe(engine, 'p'));
    expect(again.toString()).toBe('');
  });

  const asked = 'secrets: [{source: held, uid: "7"}]';
  test.each([
    ['secrets: [held]', 'without an owner of its own', 'tscompose/1', []],
    [asked, 'by an engine that copies it then', 'tscompose/1', []],
    [
      `read_only: true, ${asked}`,
      'in a read-only root of another engine',
      'Docker/28',
      [
        'compose.yaml:4:48: secret "held" keeps the owner and mode of its file in service "a": the root is read-only',
      ],
    ],
  ])('%s must be mounted: %s', async (service, _why, server, warnings) => {
    const { project } = loadText(text(service), { environment, files });
    const engine = new FakeEngine();
    engine.server = server;
    const plan = reconcile(project, await observe(engine, 'p'));
    const hosts = plan.nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' ? [action.body.HostConfig] : [],
    );
    expect(hosts.map((host) => host?.Mounts)).toEqual([
      [{ Type: 'bind', Source: '/shop/held', Target: '/run/secrets/held', ReadOnly: true }],
    ]);
    expect(hosts[0]?.Annotations).toEqual(
      service.includes(asked)
        ? { 'tscompose.file-modes': '{"/run/secrets/held":"7:0:0444"}' }
        : undefined,
    );
    expect(plan.toString()).not.toContain('writeFiles');
    expect(plan.warnings).toEqual(warnings);
  });

  test('of a file with an owner must be written by another engine', async () => {
    const engine = new FakeEngine();
    engine.server = 'Docker/28';
    const { project } = loadText(text(asked), { environment, files });
    const observed = await observe(engine, 'p');
    await executePlan(reconcile(project, observed), { engine, project, observed });
    expect(engine.calls.filter((call) => call.startsWith('write'))).toEqual([
      'write p-a-1 /run/secrets/held=of a file 7:0 444 in memory',
    ]);
  });

  test('must be given again to what is started again, but not to what runs', async () => {
    const engine = new FakeEngine();
    const { project } = loadText(text('secrets: [token]'), { environment });
    const first = await observe(engine, 'p');
    await executePlan(reconcile(project, first), { engine, project, observed: first });
    engine.exit('p-a-1', 0);
    const observed = await observe(engine, 'p');
    const again = [
      '[] #1 writeFiles p-a-1 — kept in memory',
      '[1] #2 startContainer p-a-1 — exited',
    ];
    expect(reconcile(project, observed).toString().split('\n')).toEqual(again);
    expect(planStart(observed, { project }).toString().split('\n')).toEqual(again);
    const without = loadText(text('secrets: [token]')).project;
    expect(planStart(observed, { project: without }).toString()).toBe(
      '[] #1 startContainer p-a-1 — exited',
    );
    engine.server = 'Docker/28.2.2 (linux)';
    expect(reconcile(project, await observe(engine, 'p')).toString()).toBe(
      '[] #1 startContainer p-a-1 — exited',
    );
  });

  test('must be in init containers as well', async () => {
    const { project } = loadText(text('secrets: [token], pre_start: [{command: "true"}]'), {
      environment,
    });
    const plan = reconcile(project, await observe(new FakeEngine(), 'p'));
    expect(plan.toString().split('\n').slice(1)).toEqual([
      '[1] #2 createContainer p-a-1 — no container',
      '[2] #3 writeFiles p-a-1 — created by #2',
      '[1,3] #4 createContainer p-a-1_pre_start_1 — pre_start of p-a-1',
      '[4] #5 writeFiles p-a-1_pre_start_1 — created by #4',
      '[5] #6 runInit p-a-1_pre_start_1 — created by #4',
      '[6] #7 removeContainer p-a-1_pre_start_1 — completed',
      '[3,7] #8 startContainer p-a-1 — created by #2',
    ]);
  });

  test('must be given to one that cannot start without them, and not to another that runs', async () => {
    const engine = new FakeEngine();
    const { project } = loadText(text('secrets: [token]'), { environment });
    const first = await observe(engine, 'p');
    await executePlan(reconcile(project, first), { engine, project, observed: first });
    const observed = await observe(engine, 'p');
    const restarting = {
      ...observed,
      containers: observed.containers.map((one) => ({ ...one, status: 'restarting' as const })),
    };
    expect(reconcile(project, restarting).toString().split('\n')).toEqual([
      '[] #1 writeFiles p-a-1 — kept in memory',
      '[1] #2 startContainer p-a-1 — restarting',
    ]);
    expect(reconcile(project, observed).toString()).toBe('');
  });

  test('must be in a recreated container before the old one is stopped', async () => {
    const engine = new FakeEngine();
    const { project } = loadText(text('secrets: [token]'), { environment });
    const observed = await observe(engine, 'p');
    await executePlan(reconcile(project, observed), { engine, project, observed });
    const changed = loadText(text('secrets: [token]'), { environment: { TOKEN: 'other' } });
    const plan = reconcile(changed.project, await observe(engine, 'p'));
    expect(plan.toString().split('\n').slice(0, 3)).toEqual([
      '[] #1 createContainer 000000000000_p-a-1 — configuration changed',
      '[1] #2 writeFiles 000000000000_p-a-1 — created by #1',
      '[2] #3 stopContainer p-a-1 — replaced by #1',
    ]);
  });

  test.each([
    ['secrets: [lost]', 'environment variable "LOST" required by secret "p_lost" is not set'],
    ['secrets: [far]', 'unsupported external secret far'],
    ['configs: [far]', 'unsupported external config far'],
    [
      'read_only: true, secrets: [token]',
      'cannot create secret "p_token" in read-only service a: `file` is the sole supported option',
    ],
    [
      'read_only: true, configs: [text]',
      'cannot create config "p_text" in read-only service a: `file` is the sole supported option',
    ],
    ['secrets: [{source: token, uid: me}]', '"me" is no number of a user or group'],
  ])('%s must be refused before anything is done', async (service, message) => {
    const engine = new FakeEngine();
    engine.server = 'Docker/28.2.2 (linux)';
    const observed = await observe(engine, 'p');
    const { project } = loadText(text(service), { environment });
    expect(errorText(() => reconcile(project, observed))).toContain(message);
  });
});
