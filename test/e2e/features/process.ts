/** What a service runs: its words, its variables, who it is, how it ends and begins again. */
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const processScenarios: readonly Scenario[] = [
  { name: 'command and entrypoint keep their words', project: 'commands', play: commands },
  { name: 'variables come from where the file says', project: 'environment', play: environment },
  { name: 'user, groups, directory, names, labels', project: 'identity', play: identity },
  { name: 'on-failure starts again, ever later', project: 'restart', play: restart },
  { name: 'stop_signal, stop_grace_period', project: 'stopping', play: stopping },
  { name: 'init reaps orphans', project: 'init', play: init },
  { name: 'a one-shot is waited for', project: 'one-shot', play: oneShot },
  { name: 'a failing one-shot stops who waits for it', project: 'one-shot', play: failingOneShot },
  { name: 'ps -a shows how each ended', project: 'exits', play: exits },
];

async function commands(stage: Stage): Promise<void> {
  await stage.compose('up');
  const printed = {
    string: await stage.output('string'),
    list: await stage.output('list'),
    entrypoint: await stage.output('entrypoint'),
    'entrypoint-only': await stage.output('entrypoint-only'),
    multiline: await stage.output('multiline'),
  };
  expect(printed).toEqual({
    string: '<a><b c><d  e><$HOME>\n',
    list: '<a b><$HOME>\n',
    entrypoint: '<first><second><third>\n',
    'entrypoint-only': '<alone>\n',
    multiline: '<one><two>\n',
  });
}

/** What the process was given, without what every container has. */
async function variables(stage: Stage, service: string): Promise<readonly string[]> {
  const text = await stage.proc(service, 'environ');
  return text.split('\0').filter((entry) => entry !== '' && !/^(PATH|HOSTNAME|HOME)=/.test(entry));
}

async function environment(stage: Stage): Promise<void> {
  const result = await stage.engine.cli(['up', '-d'], {
    cwd: stage.directory,
    env: { FROM_SHELL: 'from the shell' },
  });
  expect(result.code, result.stderr).toBe(0);
  expect([...(await variables(stage, 'list'))].sort()).toEqual([
    'DOT=from the .env file',
    'EMPTY=',
    'EQUALS=a=b',
    'FROM_SHELL=from the shell',
    'PLAIN=a b',
  ]);
  expect([...(await variables(stage, 'map'))].sort()).toEqual([
    'BOOLEAN=true',
    'DEFAULT=fallback',
    'DOLLAR=$HOME',
    'FROM_SHELL=from the shell',
    'NUMBER=8',
  ]);
  expect([...(await variables(stage, 'file'))].sort()).toEqual([
    'FROM_FILE=with spaces',
    'INDIRECT=from the .env file!',
    'OVERRIDDEN=by environment',
  ]);
}

async function identity(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  expect(await stage.status('named', 'Uid')).toBe('1\t1\t1\t1');
  expect(await stage.status('named', 'Gid')).toBe('1\t1\t1\t1');
  expect(await stage.inside('named', 'pwd')).toBe('/made/for/me');
  expect(await stage.status('numbers', 'Uid')).toBe('4711\t4711\t4711\t4711');
  expect(await stage.status('numbers', 'Groups')).toBe('29 777 4712');

  const chosen = await stage.engine.client.containers.inspect('chosen');
  expect(chosen.Config.Hostname).toBe('host.example');
  expect(chosen.Config.Labels).toMatchObject({
    'com.example.role': 'front',
    'com.example.empty': '',
    'com.docker.compose.service': 'titled',
    'com.docker.compose.container-number': '1',
  });
  expect(await stage.states()).toContain('chosen running');

  const { Id } = await stage.inspect('plain');
  expect(await stage.inside('plain', 'hostname; pwd; id -un')).toBe(`${Id.slice(0, 12)}\n/\nroot`);
}

async function restart(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  await eventually(async () => {
    expect(await stage.states()).toEqual([
      'restart-failing-1 exited 4',
      'restart-never-1 exited 4',
      'restart-succeeding-1 exited 0',
    ]);
    expect((await stage.inspect('failing')).RestartCount).toBe(3);
  });
  expect(await stage.output('never')).toBe('run\n');
  expect(await stage.output('succeeding')).toBe('run\n');
  const lines = (await stage.compose('logs', '-t', '--no-log-prefix', 'failing')).split('\n');
  const times = lines.filter(Boolean).map((line) => Date.parse(line.split(' ', 1)[0] ?? ''));
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  // 100 ms, doubled each time.
  expect(waits).toHaveLength(3);
  expect(waits.map((wait, index) => wait >= 95 * 2 ** index)).toEqual([true, true, true]);
}

async function stopping(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  await eventually(async () => {
    expect((await stage.output('signalled')) + (await stage.output('stubborn'))).toBe(
      'ready\nready\n',
    );
  });
  const running = stage.start('logs', '-f', '--no-log-prefix');
  await running.shows('ready\nready\n');
  const ends = stage.start('down');
  expect(await ends.ended).toBe(0);
  expect(await running.ended).toBe(0);
  expect(running.stdout.split('\n').sort().filter(Boolean)).toEqual([
    'caught USR1',
    'ignored',
    'ready',
    'ready',
    'signalled-1 exited with code 5',
    'stubborn-1 exited with code 137',
  ]);
}

async function init(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const zombies = 'cat /proc/[0-9]*/stat | grep -c " Z " || true';
  await eventually(async () => {
    expect(await stage.inside('without', zombies)).toBe('1');
  });
  expect(await stage.inside('with', zombies)).toBe('0');
  expect(await stage.inside('without', 'cat /proc/1/comm')).toBe('sleep');
  expect(await stage.inside('with', 'cat /proc/1/comm')).not.toBe('sleep');
}

async function oneShot(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  await eventually(async () => {
    expect(await stage.output('app')).toBe('migrated\n');
  });
  expect(await stage.states()).toEqual(['one-shot-app-1 running', 'one-shot-migrate-1 exited 0']);
}

async function failingOneShot(stage: Stage): Promise<void> {
  const { code, stderr } = await stage.engine.cli(['up', '-d'], {
    cwd: stage.directory,
    env: { EXIT_CODE: '3' },
  });
  expect(code).toBe(1);
  expect(stderr).toContain(
    'error[dependency-failed]: service "migrate" didn\'t complete successfully: exit 3',
  );
  expect(stderr).toMatch(/--> compose\.yaml:\d+:7$/m);
  expect(await stage.states()).toEqual(['one-shot-app-1 created', 'one-shot-migrate-1 exited 3']);
}

async function exits(stage: Stage): Promise<void> {
  expect((await stage.attempt('up')).code).toBe(0);
  expect(await stage.states()).toEqual([
    'exits-killed-1 exited 137',
    'exits-three-1 exited 3',
    'exits-zero-1 exited 0',
  ]);
  expect(await stage.compose('ps', '-q')).toBe('');
  const { stdout, stderr } = await stage.attempt('logs', 'three');
  expect([stdout, stderr]).toEqual(['three-1  | out\n', 'three-1  | err\n']);
}
