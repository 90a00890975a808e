import { describe, expect, test } from 'vitest';
import { executePlan, observe, reconcile } from '../../../../compose/index.ts';
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
configs: {text: {content: "x=1"}, far: {external: true}}
${resources}`;
}

describe('secrets and configs that are no files', () => {
  test.each([
    ['secrets: [token]', `/run/secrets/token=${environment.TOKEN} 0:0 444`],
    [
      'secrets: [{source: token, target: t, uid: "7", gid: "8", mode: 0400}]',
      `/run/secrets/t=${environment.TOKEN} 7:8 400`,
    ],
    ['secrets: [{source: held, uid: "7"}]', '/run/secrets/held=of a file 7:0 444'],
    ['configs: [text]', '/text=x=1 0:0 444'],
    ['configs: [{source: text, target: /etc/x}]', '/etc/x=x=1 0:0 444'],
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

  test.each([
    ['secrets: [held]', 'without an owner of its own', []],
    [
      'read_only: true, secrets: [{source: held, uid: "7"}]',
      'in a read-only root',
      [
        'compose.yaml:4:48: secret "held" keeps the owner and mode of its file in service "a": the root is read-only',
      ],
    ],
  ])('%s must be mounted: %s', async (service, _why, warnings) => {
    const { project } = loadText(text(service), { environment, files });
    const plan = reconcile(project, await observe(new FakeEngine(), 'p'));
    const mounts = plan.nodes.flatMap(({ action }) =>
      action.kind === 'createContainer' ? (action.body.HostConfig?.Mounts ?? []) : [],
    );
    expect(mounts).toEqual([
      { Type: 'bind', Source: '/shop/held', Target: '/run/secrets/held', ReadOnly: true },
    ]);
    expect(plan.toString()).not.toContain('writeFiles');
    expect(plan.warnings).toEqual(warnings);
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
    const observed = await observe(new FakeEngine(), 'p');
    const { project } = loadText(text(service), { environment });
    expect(errorText(() => reconcile(project, observed))).toContain(message);
  });
});
