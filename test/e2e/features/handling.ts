/** The commands over containers that exist. */
import { setTimeout as delay } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const handlingScenarios: readonly Scenario[] = [
  { name: 'stop, start and restart', project: 'handling', play: stopAndStart },
  { name: 'kill, pause and rm', project: 'handling', play: killAndRemove },
  { name: 'commands without a file, by name', project: 'handling', play: byName },
  { name: 'lists', project: 'handling', play: lists },
  { name: 'wait', project: 'handling', play: wait },
  { name: 'refusals', project: 'handling', play: refusals },
];

async function up(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  await eventually(async () => {
    expect(await stage.states()).toContain('handling-job-1 exited 4');
    expect(await stage.output('web')).toContain('web ready\nweb ready');
  });
}

async function startedAt(stage: Stage, service: string, number = 1): Promise<string> {
  return (await stage.inspect(service, number)).State.StartedAt;
}

async function stopAndStart(stage: Stage): Promise<void> {
  await up(stage);
  await stage.compose('stop', 'web');
  expect(await stage.states()).toEqual([
    'handling-db-1 running',
    'handling-job-1 exited 4',
    'handling-web-1 exited 3',
    'handling-web-2 exited 3',
  ]);
  await stage.compose('stop', '-t', '1');
  await stage.compose('start', 'web');
  expect(await stage.states(), 'its dependency comes with it').toEqual([
    'handling-db-1 running',
    'handling-job-1 exited 4',
    'handling-web-1 running',
    'handling-web-2 running',
  ]);
  const again = await stage.attempt('start', 'web');
  expect(again.stderr).toBe('');
  const before = await startedAt(stage, 'web', 2);
  await stage.compose('restart', '--no-deps', 'db');
  expect(await startedAt(stage, 'web', 2)).toBe(before);
  await stage.compose('restart', 'db');
  expect(await startedAt(stage, 'web', 2), 'restart: true').not.toBe(before);
}

async function killAndRemove(stage: Stage): Promise<void> {
  await up(stage);
  await stage.compose('pause', 'web');
  expect(await stage.compose('ps', 'web', '--format', '{{.State}} {{.Status}}')).toMatch(
    /^paused Up .*\(Paused\)$/mu,
  );
  const twice = await stage.attempt('pause', 'web');
  expect(twice.code).toBe(1);
  expect(twice.stderr).toContain('is already paused');
  await stage.compose('unpause', 'web');
  await stage.compose('kill', '-s', 'TERM', 'web');
  await eventually(async () => {
    expect(await stage.states()).toContain('handling-web-2 exited 3');
  });
  const nothing = await stage.attempt('kill', 'web');
  expect(nothing).toMatchObject({ code: 0, stderr: 'no container to kill\n' });
  const declined = await stage.compose('rm', 'web');
  expect(declined).toContain('Going to remove handling-web-1, handling-web-2\n');
  expect(await stage.states()).toContain('handling-web-1 exited 3');
  expect(await stage.compose('rm', '-f', 'web')).toBe(
    'Going to remove handling-web-1, handling-web-2\n',
  );
  await stage.compose('rm', '-fs', 'db');
  expect(await stage.states()).toEqual(['handling-job-1 exited 4']);
  const empty = await stage.attempt('rm', '-f', 'web');
  expect(empty).toMatchObject({ code: 0, stderr: 'No stopped containers\n' });
}

async function byName(stage: Stage): Promise<void> {
  await up(stage);
  // What an env file says matters to nothing that runs already.
  await rm(join(stage.directory, 'web.env'));
  await stage.compose('stop');
  await rm(join(stage.directory, 'compose.yaml'));
  await stage.compose('-p', 'handling', 'start');
  expect(await stage.compose('-p', 'handling', 'ps', '--services')).toBe('db\nweb\n');
  await stage.compose('-p', 'handling', 'restart', 'web');
  await stage.compose('-p', 'handling', 'rm', '-fs', 'web', 'db', 'job');
  expect(await stage.compose('-p', 'handling', 'ps', '-aq')).toBe('');
}

async function lists(stage: Stage): Promise<void> {
  await up(stage);
  expect(await stage.compose('ls', '-a')).toMatch(
    /^NAME +STATUS +CONFIG FILES\nhandling +exited\(1\), running\(3\) +\/.*compose\.yaml\n$/u,
  );
  expect(JSON.parse(await stage.compose('ls', '--format', 'json'))).toEqual([
    {
      Name: 'handling',
      Status: 'running(3)',
      ConfigFiles: join(stage.directory, 'compose.yaml'),
    },
  ]);
  expect(await stage.compose('port', 'db', '80')).toBe('127.0.0.1:18461\n');
  expect(await stage.compose('top', 'db')).toMatch(/^SERVICE {2}# {3}UID .*\ndb {7}1 {3}root /u);
  expect(await stage.compose('volumes', '-q')).toBe('handling_data\n');
  expect(await stage.compose('volumes', 'web')).toBe('DRIVER    VOLUME NAME\n');
  expect(await stage.compose('images', 'db')).toMatch(/^CONTAINER .*\nhandling-db-1 .*linux\//u);
  const stats = await stage.compose(
    'stats',
    '--no-stream',
    '--format',
    '{{.Name}} {{.PIDs}}',
    'db',
  );
  expect(stats).toMatch(/^handling-db-1 [12]\n$/u);
  const events = await stage.compose('events', '--json', '--since', '1h', '--until', '0s', 'job');
  const actions = events
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string });
  expect(actions.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['create', 'start', 'die']),
  );
  expect(await stage.compose('logs', '--no-log-prefix', '--index', '2', 'web')).toBe('web ready\n');
}

async function wait(stage: Stage): Promise<void> {
  await up(stage);
  const waiting = stage.start('wait', 'web');
  const { Id } = await stage.inspect('web');
  // Nothing tells that it waits, and of one that has ended before it looks it says that nothing runs.
  await delay(2_000);
  await stage.compose('stop', 'web');
  expect(await waiting.ended).toBe(3);
  expect(waiting.stdout).toContain(`container "${Id}" exited with status code 3\n`);
  const dropping = stage.start('wait', '--down-project', 'db');
  await delay(2_000);
  await stage.compose('kill', 'db');
  expect(await dropping.ended).toBe(137);
  expect(await stage.states()).toEqual([]);
}

async function refusals(stage: Stage): Promise<void> {
  const cases: readonly (readonly [args: readonly string[], words: string])[] = [
    [['start', 'web'], 'service "web" has no container to start'],
    [['start'], 'has no container to start'],
    [['-p', 'nobody', 'start'], 'no container found for project "nobody"'],
    [['wait', 'web'], 'no containers for project "handling"'],
    [['port', 'web', '80'], 'service "web" is not running'],
    [['port', 'web', 'x'], '"x" is no port'],
    [['logs', '--index', '2'], '--index requires one service to be selected'],
    [['ps', '--filter', 'name=x'], 'unknown filter name'],
    [['ps', '--format', '{{.Name'], 'template parsing error: template: :1: unclosed action'],
    [['ls', '--filter', 'nme=x'], "invalid filter 'nme'"],
    [['down', '--rmi', 'some'], 'invalid value for --rmi: "some"'],
    ...['start', 'stop', 'restart', 'kill', 'pause', 'unpause', 'top', 'ps', 'logs', 'down'].map(
      (command) => [[command, 'wbe'], 'no such service: wbe'] as const,
    ),
  ];
  for (const [args, words] of cases) {
    const { code, stderr } = await stage.attempt(...args);
    expect(`${code} ${stderr}`, args.join(' ')).toContain(words);
    expect(code, args.join(' ')).toBe(1);
  }
}
