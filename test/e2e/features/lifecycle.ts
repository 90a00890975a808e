/** What a second command does to what the first one made. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const lifecycleScenarios: readonly Scenario[] = [
  { name: 'up twice changes nothing', project: 'changing', play: twice },
  { name: 'a changed service is recreated, and only it', project: 'changing', play: changed },
  { name: 'a service that is gone is an orphan', project: 'changing', play: orphan },
  { name: 'a service comes with its dependencies only', project: 'profiles', play: partial },
  { name: 'profiles', project: 'profiles', play: profiles },
  { name: 'down while up is attached', project: 'attached', play: downBelow },
  { name: 'an interrupt at any moment of up', project: 'attached', play: interrupted },
  { name: 'two ups at the same time', project: 'attached', play: simultaneous },
];

/** Service → id and when it was started. */
async function runs(stage: Stage): Promise<Readonly<Record<string, string>>> {
  const found = await stage.engine.client.containers.list({ all: true });
  const entries = await Promise.all(
    found.map(async ({ Id, Names }) => {
      const { State } = await stage.engine.client.containers.inspect(Id);
      return [Names[0] ?? '', `${Id} ${State.StartedAt}`] as const;
    }),
  );
  return Object.fromEntries(entries);
}

async function twice(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const before = await runs(stage);
  expect(Object.keys(before)).toHaveLength(3);
  await stage.compose('up', '-d');
  expect(await runs(stage)).toEqual(before);
}

async function changed(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const { '/changing-web-1': web, ...others } = await runs(stage);
  const result = await stage.engine.cli(['up', '-d'], {
    cwd: stage.directory,
    env: { LEVEL: 'debug' },
  });
  expect(result.code, result.stderr).toBe(0);
  const { '/changing-web-1': newWeb, ...same } = await runs(stage);
  expect(same).toEqual(others);
  expect(newWeb).not.toBe(web);
  expect(await stage.proc('web', 'environ')).toContain('LEVEL=debug');
}

async function orphan(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const text = await stage.text();
  await writeFile(join(stage.directory, 'compose.yaml'), text.slice(0, text.indexOf('  old:')));
  const warned = await stage.attempt('up', '-d');
  expect(warned.stderr).toMatch(/^warning: Found orphan .*changing-old-1.*--remove-orphans/m);
  expect(await stage.states()).toContain('changing-old-1 running');
  await stage.compose('up', '-d', '--remove-orphans');
  expect(await stage.states()).toEqual(['changing-db-1 running', 'changing-web-1 running']);
}

async function partial(stage: Stage): Promise<void> {
  await stage.compose('up', '-d', 'web');
  expect(await stage.states()).toEqual(['profiles-db-1 running', 'profiles-web-1 running']);
  await stage.compose('down');
  await stage.compose('up', '-d', '--no-deps', 'web');
  expect(await stage.states()).toEqual(['profiles-web-1 running']);
}

async function profiles(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  expect(await stage.states()).not.toContain('profiles-debug-1 running');
  await stage.compose('--profile', 'tools', 'up', '-d');
  expect(await stage.states()).toContain('profiles-debug-1 running');
  const { stderr } = await stage.attempt('up', '-d');
  expect(stderr, 'a service of another profile is no orphan').not.toMatch(/orphan/);
  await stage.compose('down');
  await stage.compose('up', '-d', 'debug');
  expect(await stage.states(), 'named, it needs no profile').toEqual([
    'profiles-db-1 running',
    'profiles-debug-1 running',
  ]);
}

async function downBelow(stage: Stage): Promise<void> {
  const up = stage.start('up');
  await up.shows('attached-follower-1  Started');
  await up.shows('talker-1    | hello');
  await up.shows('talker-2    | hello');
  await stage.compose('down', '-v');
  expect(await up.ended).toBe(0);
  expect(up.stdout).toContain('talker-1    | bye\n');
  expect(up.stdout).toContain('talker-2    | bye\n');
  expect(up.stderr).not.toMatch(/error/i);
}

async function interrupted(stage: Stage): Promise<void> {
  const moments = [
    'Creating',
    'attached_default  Created',
    '-1  Created',
    '-1  Starting',
    'follower-1  Started',
  ];
  for (const moment of moments) {
    const up = stage.start('up');
    await up.shows(moment);
    up.interrupt();
    expect(await up.ended, moment).toBe(130);
    expect(up.stderr, moment).not.toMatch(/error|warning/i);
    expect(await stage.compose('ps', '-q'), 'nothing runs on').toBe('');
    await stage.compose('down', '-v');
  }
}

async function simultaneous(stage: Stage): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    const ups = [stage.start('up', '-d'), stage.start('up', '-d')];
    const codes = await Promise.all(ups.map(({ ended }) => ended));
    expect(codes, ups.map(({ stderr }) => stderr).join('\n')).toEqual([0, 0]);
    expect(await stage.states()).toEqual([
      'attached-follower-1 running',
      'attached-talker-1 running',
      'attached-talker-2 running',
    ]);
    await stage.compose('down', '-v', '-t', '0');
    expect(await stage.engine.client.volumes.list()).toEqual([]);
  }
}
