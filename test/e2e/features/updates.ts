/** Replicas that are replaced while others serve: deploy.update_config and rollback_config. */
import { expect } from 'vitest';
import type { CommandResult } from '../../lib/engine.ts';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const updateScenarios: readonly Scenario[] = [
  { name: 'stop-first keeps all but one batch running', project: 'rolling', play: stopFirst },
  { name: 'start-first keeps all running', project: 'rolling', play: startFirst },
  { name: 'start-first waits for health', project: 'rolling', play: healthFirst },
  { name: 'a delay lies between two batches', project: 'rolling', play: delayed },
  { name: 'a failing update is paused, and goes on later', project: 'rolling', play: paused },
  { name: 'a failing update is taken back', project: 'rolling', play: takenBack },
  { name: 'a failing start-first update disturbs nobody', project: 'rolling', play: undisturbed },
  { name: 'a failing update goes on where it may', project: 'rolling', play: continued },
];

type Variables = Readonly<Record<string, string>>;

async function up(stage: Stage, env: Variables, ...services: string[]): Promise<CommandResult> {
  return await stage.engine.cli(['up', '-d', ...services], { cwd: stage.directory, env });
}

async function mustUp(stage: Stage, env: Variables, ...services: string[]): Promise<void> {
  const { code, stderr } = await up(stage, env, ...services);
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('warning');
}

/** Name, version and state of each container, sorted. */
async function versions(stage: Stage): Promise<string[]> {
  const found = await stage.engine.client.containers.list({ all: true });
  const lines = await Promise.all(
    found.map(async ({ Id }) => {
      const { Name, Config, State } = await stage.engine.client.containers.inspect(Id);
      const version = Config.Env?.find((entry) => entry.startsWith('VERSION=')) ?? '';
      const state = State.Status === 'exited' ? `exited ${State.ExitCode}` : State.Status;
      return `${Name.replace(/^\/(rolling-|[0-9a-f]{12}_)/, '')} ${version.slice(8)} ${state}`;
    }),
  );
  return lines.sort();
}

function all(version: string, count = 4, service = 'web'): string[] {
  return Array.from({ length: count }, (_, index) => `${service}-${index + 1} ${version} running`);
}

/** How many ran at the same time while `work` went on, at least and at most, from the engine's own events. */
async function running(
  stage: Stage,
  before: number,
  work: () => Promise<unknown>,
): Promise<{ readonly least: number; readonly most: number }> {
  const since = (Date.now() / 1000).toFixed(3);
  await work();
  const until = (Date.now() / 1000).toFixed(3);
  let now = before;
  let [least, most] = [before, before];
  const filters = { type: ['container'], event: ['start', 'die'] };
  for await (const { Action } of stage.engine.client.events({ since, until, filters })) {
    now += Action === 'start' ? 1 : -1;
    least = Math.min(least, now);
    most = Math.max(most, now);
  }
  return { least, most };
}

async function stopFirst(stage: Stage): Promise<void> {
  await mustUp(stage, {});
  const seen = await running(stage, 4, () => mustUp(stage, { VERSION: '2' }));
  expect(seen.most).toBe(4);
  expect(seen.least).toBeGreaterThanOrEqual(2);
  expect(seen.least).toBeLessThan(4);
  expect(await versions(stage)).toEqual(all('2'));
}

async function startFirst(stage: Stage): Promise<void> {
  const config = { ORDER: 'start-first', PARALLELISM: '1' };
  await mustUp(stage, config);
  const seen = await running(stage, 4, () => mustUp(stage, { ...config, VERSION: '2' }));
  expect(seen).toEqual({ least: 4, most: 5 });
  expect(await versions(stage)).toEqual(all('2'));
}

async function healthFirst(stage: Stage): Promise<void> {
  await mustUp(stage, {}, 'checked');
  const seen = await running(stage, 2, () => mustUp(stage, { VERSION: '2' }, 'checked'));
  expect(seen).toEqual({ least: 2, most: 3 });
  expect(await versions(stage)).toEqual(all('2', 2, 'checked'));
  const { code, stderr } = await up(stage, { VERSION: 'bad' }, 'checked');
  expect(code).toBe(1);
  expect(stderr).toContain(
    'update of service "checked" is taken back: container rolling-checked-1 is unhealthy',
  );
  expect(await versions(stage)).toEqual(all('2', 2, 'checked'));
}

async function delayed(stage: Stage): Promise<void> {
  const config = { DELAY: '700ms', MONITOR: '10ms' };
  await mustUp(stage, config);
  await mustUp(stage, { ...config, VERSION: '2' });
  const starts: number[] = [];
  for (const number of [1, 2, 3, 4]) {
    const { State } = await stage.inspect('web', number);
    starts.push(Date.parse(State.StartedAt));
  }
  const [first = 0, second = 0, third = 0, fourth = 0] = starts;
  expect(Math.min(third, fourth) - Math.max(first, second)).toBeGreaterThanOrEqual(700);
}

async function paused(stage: Stage): Promise<void> {
  await mustUp(stage, {});
  const { code, stderr } = await up(stage, { VERSION: 'bad' });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /update of service "web" is paused: container rolling-web-[12] exited \(3\)\n\s+broken\n/,
  );
  // The second of the batch may still be on its way down.
  await expect
    .poll(() => versions(stage), { timeout: 10_000 })
    .toEqual([
      'rolling-web-1_replaced 1 exited 137',
      'rolling-web-2_replaced 1 exited 137',
      'web-1 bad exited 3',
      'web-2 bad exited 3',
      'web-3 1 running',
      'web-4 1 running',
    ]);
  await mustUp(stage, { VERSION: '3' });
  expect(await versions(stage)).toEqual(all('3'));
}

async function takenBack(stage: Stage): Promise<void> {
  await mustUp(stage, { ACTION: 'rollback' });
  const before = await ids(stage);
  const { code, stderr } = await up(stage, { VERSION: 'bad', ACTION: 'rollback' });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /update of service "web" is taken back: container rolling-web-[12] exited/,
  );
  expect(await versions(stage)).toEqual(all('1'));
  expect(await ids(stage)).toEqual(before);
}

async function ids(stage: Stage): Promise<string[]> {
  return (await stage.engine.client.containers.list()).map(({ Id }) => Id).sort();
}

async function undisturbed(stage: Stage): Promise<void> {
  const config = { ORDER: 'start-first' };
  await mustUp(stage, config);
  const before = await ids(stage);
  const { least } = await running(stage, 4, async () => {
    const { code, stderr } = await up(stage, { ...config, VERSION: 'bad' });
    expect(code).toBe(1);
    expect(stderr).toContain('broken');
  });
  expect(least).toBe(4);
  expect(await ids(stage)).toEqual(before);
  expect(await versions(stage)).toEqual(all('1'));
}

async function continued(stage: Stage): Promise<void> {
  await mustUp(stage, { ACTION: 'continue' });
  const { code, stderr } = await up(stage, { VERSION: 'bad', ACTION: 'continue' });
  expect(code, stderr).toBe(0);
  expect(stderr.match(/warning: update of service "web" goes on: container/g)).toHaveLength(4);
  expect(await versions(stage)).toEqual([1, 2, 3, 4].map((number) => `web-${number} bad exited 3`));
}
