/** What a container with nothing asked for sees and may do, one probe a row (reliability-security.md §2). */
import { readlinkSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../../lib/docker-engine.ts';
import { eventually } from '../../lib/eventually.ts';
import { ask, probes } from './probes.ts';

const title = `a container (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const answers = new Map<string, string>();
  const namespaces = new Map<string, string>();

  beforeAll(async () => {
    const { id, answers: given } = await ask(tools, []);
    given.forEach((answer, index) => answers.set(String(index), answer));
    const pid = await tools.docker.ok('inspect', '--format', '{{.State.Pid}}', id);
    for (const kind of ['ipc', 'mnt', 'net', 'pid', 'time', 'uts'])
      namespaces.set(kind, readlinkSync(`/proc/${pid}/ns/${kind}`));
  });
  afterAll(() => {
    answers.clear();
  });

  test('there must be 120 of these', () => {
    expect(probes.length + namespaces.size).toBeGreaterThanOrEqual(120);
    expect(answers.size).toBe(probes.length);
  });

  test.each(probes.map(([name, , expected], index) => [name, expected, String(index)] as const))(
    '%s',
    (_name, expected, index) => {
      if (typeof expected === 'string') expect(answers.get(index)).toBe(expected);
      else expect(answers.get(index)).toMatch(expected);
    },
  );

  test.each(['ipc', 'mnt', 'net', 'pid', 'time', 'uts'])('its %s namespace is its own', (kind) => {
    expect(namespaces.get(kind)).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
  });

  const listFds = 'for i in $(seq 3 40); do [ -e /proc/$$/fd/$i ] && echo $i; done; echo end';

  test.each([
    ['run', []],
    ['an init', ['--init']],
    ['a terminal', ['-t']],
    ['published ports', ['-p', '127.0.0.1:18080:80']],
  ])('with %s there must be no descriptor but three', async (_name, options) => {
    expect((await tools.output(options, 'sh', '-c', listFds)).trim()).toBe('end');
  });

  test('an exec and a health check must have no descriptor but three', async () => {
    const health = [
      '--health-cmd',
      `/bin/busybox sh -c '${listFds}' > /fds`,
      '--health-interval',
      '1s',
    ];
    const id = await tools.docker.ok(
      'run',
      '-d',
      ...health,
      'app',
      'sh',
      '-c',
      'ln -s /bin/busybox /bin/sh; sleep 1000',
    );
    expect(await tools.docker.ok('exec', id, '/bin/busybox', 'sh', '-c', listFds)).toBe('end');
    await eventually(
      async () => {
        expect((await tools.docker.run('exec', id, '/bin/busybox', 'cat', '/fds')).stdout).toBe(
          'end\n',
        );
      },
      { timeoutMs: 10_000 },
    );
  });

  test('any user may listen on any port', async () => {
    const options = ['-u', '1000', '--cap-drop', 'ALL'];
    expect(await tools.output(options, 'sh', '-c', 'httpd -p 80 -h / && echo listens')).toBe(
      'listens',
    );
  });
});
