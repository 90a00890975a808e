/** `x-tscompose: { security: strict }` and `{ core-sched: true }` as containers see them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readHostFacts } from '../../engine/runtime/index.ts';
import { coreScheduling } from '../../native/index.ts';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const file = `
name: hardened
x-tscompose: { security: strict }
services:
  strict: &idle
    image: tscompose.local/host
    command: [sleep, infinity]
    stop_signal: KILL
  raw:
    <<: *idle
    cap_add: [NET_RAW]
    pids_limit: 12
  docker:
    <<: *idle
    x-tscompose: { security: docker }
  alone:
    <<: *idle
    profiles: [alone]
    x-tscompose: { core-sched: true }
`;

describe.skipIf(!isAble)('hardened services', { timeout: 60_000 }, () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    await engine.mustCli(['up', '-d']);
  });

  afterAll(async () => {
    try {
      await engine.mustCli(['--profile', 'alone', 'down']);
      await engine.stop();
      await expectNoLeaks(before, { ...engine.scope, directories: [] });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  });

  const inside = (service: string, script: string): Promise<string> =>
    engine.mustCli(['exec', '-T', service, 'sh', '-c', script]);

  const status = "sed -n 's/^\\(CapBnd\\|CapEff\\|CapInh\\|NoNewPrivs\\):\\s*//p' /proc";

  // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP are 0x800405fb.
  test.each([
    ['strict', '00000000800405fb', '1', '4096'],
    ['raw', '00000000800425fb', '1', '12'],
    ['docker', '00000000a80425fb', '0', 'max'],
  ])('%s must have these capabilities and limits', async (service, held, noNew, pids) => {
    const expected = ['0000000000000000', held, held, noNew].join('\n');
    // Of the first program and of an exec.
    expect((await inside(service, `${status}/1/status`)).trim()).toBe(expected);
    expect((await inside(service, `${status}/self/status`)).trim()).toBe(expected);
    const limit = 'cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null || true';
    expect((await inside(service, limit)).trim()).toBe(pids);
  });

  test.each([
    ['strict', 'Operation not permitted'],
    ['docker', 'made'],
  ])('%s: making a device node', async (service, expected) => {
    const script = 'mknod /tmp/node c 1 3 2>&1 && echo made';
    const result = await engine.cli(['exec', '-T', service, 'sh', '-c', script]);
    expect(result.stdout).toContain(expected);
  });

  test('strict must answer a ping of its own, without raw sockets', async () => {
    expect(await inside('strict', 'cat /proc/sys/net/ipv4/ping_group_range')).toBe(
      '0\t2147483647\n',
    );
  });

  const facts = readHostFacts();

  test.skipIf(facts.hasAppArmor)('a profile that cannot be applied must be refused', async () => {
    const create = (option: string): Promise<unknown> =>
      engine.client.containers.create({
        Image: 'tscompose.local/host',
        Cmd: ['true'],
        HostConfig: { SecurityOpt: [option] },
      });
    await expect(create('apparmor=mine')).rejects.toThrow(
      'AppArmor profile "mine" cannot be applied: AppArmor is not active in this kernel',
    );
    const { Id } = (await create('apparmor=docker-default')) as { readonly Id: string };
    await engine.client.containers.start(Id);
    expect((await engine.client.containers.inspect(Id)).AppArmorProfile).toBe('');
    await engine.client.containers.remove(Id, { force: true });
  });

  test.skipIf(facts.hasSelinux)('labels must be said to have no effect', async () => {
    const path = join(engine.root, 'project', 'labels.yaml');
    await writeFile(
      path,
      'name: labels\nservices: {a: {image: tscompose.local/host, command: "true", security_opt: ["label=type:x"], volumes: ["./:/here:z"]}}\n',
    );
    const result = await engine.cli(['-f', path, 'up', '-d']);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain(
      'label=type:x, "z" of the bind on /here: no effect, as SELinux is not active in this kernel',
    );
    await engine.mustCli(['-f', path, 'down']);
  });

  test('core-sched must be done, or be said to have no effect', async () => {
    const result = await engine.cli(['up', '-d', 'alone']);
    expect(result.code, result.stderr).toBe(0);
    const warning = {
      available: null,
      'not-built':
        'core-sched has no effect: this kernel cannot do it (CONFIG_SCHED_CORE, Linux 5.14); prctl(PR_SCHED_CORE): EINVAL',
      'no-threads':
        'core-sched has no effect: no core of this machine has several hardware threads, so none is shared; prctl(PR_SCHED_CORE): ENODEV',
    }[coreScheduling()];
    if (warning === null) expect(result.stderr).not.toContain('core-sched');
    else expect(result.stderr).toContain(warning);
    expect(await inside('alone', 'echo runs')).toBe('runs\n');
  });
});
