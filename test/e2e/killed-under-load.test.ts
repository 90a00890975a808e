/** The engine is gone for a minute while clients ask published ports and containers look names up, and comes back meanwhile. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import type { Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { addresses, command, makeSurroundings } from '../lib/lab/surroundings.mjs';
import type { Place } from '../lib/lab/surroundings.mjs';
import { missing } from '../lib/requires.ts';
import { Taken } from '../lib/taken.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;
const lab = new URL('../lib/lab/', import.meta.url).pathname;
const port = 18_080;
const secondsGone = 60;
/** Before and after the engine is gone. */
const secondsAround = 4;
const requests = 5_000;
const lookUps = 5_000;

const project = `
services:
  web:
    image: tscompose.local/host
    command: [sleep, "1000"]
    stop_signal: SIGKILL
    ports: ["${port}:80"]
  asks:
    image: tscompose.local/host
    command: [sleep, "1000"]
    stop_signal: SIGKILL
`;

interface Outcome {
  readonly asked: number;
  readonly failures: Readonly<Record<string, number>>;
}

describe.skipIf(!isAble)('an engine that is killed for a minute under load', () => {
  let engine: TestEngine;
  let before: Audit | null = null;
  const taken = new Taken();
  const outcomes: Record<string, Outcome> = {};

  beforeAll(async () => {
    engine = taken.use(await TestEngine.create());
    before = await takeAudit(engine.scope);
    const surroundings = await makeSurroundings();
    taken.defer(() => surroundings.close());
    await writeFile(join(engine.root, 'project', 'compose.yaml'), project);
    taken.defer(() => engine.mustCli(['down', '-t', '0']));
    await engine.mustCli(['up', '-d']);
    const [web, asks] = [await placeOf('web'), await placeOf('asks')];
    const server = start(web, ['serve.cjs', 'web', 'tcp:0.0.0.0:80']);
    taken.defer(() => {
      server.kill('SIGKILL');
    });
    if (server.stdout !== null) await once(server.stdout, 'data');
    await runUnderLoad({
      'from the host': [{ enter: [] }, ['tcp', '127.0.0.1', String(port)], requests],
      'from the neighbour': [
        surroundings.places.neighbour,
        ['tcp', addresses.host, String(port)],
        requests,
      ],
      'of a name': [asks, ['dns', 'web'], lookUps],
    });
  }, 200_000);

  afterAll(async () => {
    await taken[Symbol.asyncDispose]();
    if (before !== null) await expectNoLeaks(before, { ...engine.scope, directories: [] });
  });

  async function placeOf(service: string): Promise<Place> {
    const { State } = await engine.client.containers.inspect(`project-${service}-1`);
    return { enter: ['nsenter', `--net=/proc/${State.Pid}/ns/net`] };
  }

  async function runUnderLoad(
    loads: Readonly<Record<string, readonly [Place, readonly string[], number]>>,
  ): Promise<void> {
    const seconds = String(secondsGone + 2 * secondsAround);
    const running = Object.entries(loads).map(async ([name, [place, target, count]]) => {
      const words = [process.execPath, `${lab}load.cjs`, ...target, String(count), seconds];
      outcomes[name] = JSON.parse(await command(place, words)) as Outcome;
    });
    await delay(secondsAround * 1000);
    await engine.kill();
    await delay(secondsGone * 1000);
    await expect(engine.client.ping()).rejects.toThrow();
    await engine.start();
    await Promise.all(running);
  }

  test.each(['from the host', 'from the neighbour'])(
    'must fail none of 5,000 requests to a published port: %s',
    (name) => {
      expect(outcomes[name]).toEqual({ asked: requests, failures: {} });
    },
  );

  test('must leave no look-up of a name without an answer but one of a thousand', () => {
    const { asked, failures } = outcomes['of a name'] ?? { asked: 0, failures: {} };
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
    expect(asked).toBe(lookUps);
    expect({ failures, isFew: failed <= lookUps / 1000 }).toEqual({ failures, isFew: true });
  });
});

function start({ enter }: Place, [script = '', ...args]: readonly string[]): ChildProcess {
  const [file = '', ...words] = [...enter, process.execPath, `${lab}${script}`, ...args];
  return spawn(file, words, { stdio: ['ignore', 'pipe', 'inherit'] });
}
