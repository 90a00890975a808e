/** The project as a whole: where its file is, what it means, what of it is only words. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cliPath, command } from '../../lib/engine.ts';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const projectScenarios: readonly Scenario[] = [
  { name: 'what config prints means the same again', project: 'everything', play: roundTrip },
  { name: 'what has no effect is named, with its line', project: 'no-effect', play: noEffect },
  { name: 'the hash that config prints is the label', project: 'changing', play: hashes },
  { name: 'a directory with spaces and umlauts', project: 'mounts', play: strangeDirectory },
  { name: 'a file on standard input', project: 'changing', play: standardInput },
];

async function roundTrip(stage: Stage): Promise<void> {
  await writeFile(join(stage.directory, 'token'), 'secret');
  const first = await stage.compose('--profile', '*', 'config');
  await writeFile(join(stage.directory, 'printed.yaml'), first);
  expect(await stage.compose('-f', 'printed.yaml', '--profile', '*', 'config')).toBe(first);
  const json = await stage.compose('--profile', '*', 'config', '--format', 'json');
  await writeFile(join(stage.directory, 'printed.json'), json);
  expect(
    await stage.compose('-f', 'printed.json', '--profile', '*', 'config', '--format', 'json'),
  ).toBe(json);
}

async function noEffect(stage: Stage): Promise<void> {
  const { code, stderr } = await stage.attempt('up', '-d');
  expect(code, stderr).toBe(0);
  const text = (await stage.text()).split('\n');
  const lineOf = (start: string): number =>
    text.findIndex((line) => line.trim().startsWith(start)) + 1;
  const warnings = stderr.split('\n').filter((line) => line.startsWith('warning: '));
  const lines = warnings.map((line) =>
    Number(/^warning: compose\.yaml:(\d+):\d+: /.exec(line)?.[1]),
  );
  const named = [...['platform:', 'placement:']];
  expect(
    [...lines].sort((a, b) => a - b),
    stderr,
  ).toEqual(
    named
      .map(lineOf)
      .filter((line) => line > 0)
      .sort((a, b) => a - b),
  );
}

async function hashes(stage: Stage): Promise<void> {
  await writeFile(join(stage.directory, 'secret'), 'one');
  const secret = `${await stage.text()}\nsecrets: { token: { file: ./secret } }\n`;
  const compose = secret.replace('depends_on: [db]', 'depends_on: [db]\n    secrets: [token]');
  await writeFile(join(stage.directory, 'compose.yaml'), compose);
  const labels = async (): Promise<string> => {
    await stage.compose('up', '-d');
    const services = ['db', 'old', 'web'];
    const found = services.map(async (service) => {
      const { Config } = await stage.inspect(service);
      return `${service} ${Config.Labels?.['com.docker.compose.config-hash'] ?? ''}`;
    });
    return (await Promise.all(found)).join('\n');
  };
  const printed = async (): Promise<string> =>
    (await stage.compose('config', '--hash', '*')).trim().split('\n').sort().join('\n');
  const first = await labels();
  expect(await printed()).toBe(first);
  await writeFile(join(stage.directory, 'secret'), 'two');
  const second = await labels();
  expect(await printed()).toBe(second);
  // What a service reads is a part of it, and nobody else's.
  expect(second.split('\n').slice(0, 2)).toEqual(first.split('\n').slice(0, 2));
  expect(second).not.toBe(first);
}

async function strangeDirectory(stage: Stage): Promise<void> {
  const strange = join(stage.engine.root, 'Mein Verzeichnis – schön');
  await cp(stage.directory, strange, { recursive: true });
  await stage.engine.mustCli(['-p', stage.project, 'up', '-d'], { cwd: strange });
  expect(await stage.inside('app', 'cat /given/file')).toBe('from the host');
}

async function standardInput(stage: Stage): Promise<void> {
  const input = await stage.text();
  const run = (...args: readonly string[]): ReturnType<typeof command> =>
    command(process.execPath, [cliPath, '-f', '-', ...args], {
      cwd: stage.directory,
      env: stage.engine.env,
      input,
    });
  const up = await run('up', '-d');
  expect(up.code, up.stderr).toBe(0);
  expect(await stage.states()).toHaveLength(3);
  expect((await run('down')).code).toBe(0);
  expect(await stage.states()).toEqual([]);
}
