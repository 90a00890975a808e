/**
 * Who reaches whom: a table of askers, targets, protocols and kinds of networks, put to this engine among a neighbour, a
 * router and a host outside, and compared with what a real Docker answered to the same table. `RECORD_DOCKER=1` puts it
 * to the Docker of PEER_ROOT (test/lib/lab/peer-docker.mjs) instead, and records what that answers.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EngineClient } from '../../../engine/client/index.ts';
import { expectNoLeaks, takeAudit } from '../../lib/audit.ts';
import type { Audit } from '../../lib/audit.ts';
import { TestEngine } from '../../lib/engine.ts';
import { findPeerRoot, startPeerDocker } from '../../lib/lab/peer-docker.mjs';
import { makeSurroundings } from '../../lib/lab/surroundings.mjs';
import { missing } from '../../lib/requires.ts';
import { Taken } from '../../lib/taken.ts';
import { cases, type Case } from './table/cases.ts';
import { differences, type Difference } from './table/differences.ts';
import { World } from './table/world.ts';

const recording = new URL('../../fixtures/reachability-of-docker.json', import.meta.url).pathname;
const isRecording = process.env['RECORD_DOCKER'] === '1';
const isAble = missing('root', 'overlayfs', 'nftables', 'busybox').length === 0;
/** Silence is an answer only after a while; a busy machine may need longer, so what should have come is asked again. */
const timeoutsMs = [1_000, 3_000, 9_000];

type Answers = Record<string, Record<string, string>>;
interface Recorded {
  readonly docker: string;
  readonly answers: Answers;
}

describe.skipIf(!isRecording)('a real Docker', () => {
  test('must answer to the table, which is recorded', async () => {
    const root = findPeerRoot();
    if (root === null) throw new Error('there is no Docker below PEER_ROOT');
    const surroundings = await makeSurroundings();
    const docker = await startPeerDocker({ root });
    const client = new EngineClient({ address: docker.address });
    try {
      await using world = await World.make(client, surroundings);
      // What it denies once, it is asked three times.
      const answers = await askUntil(world, (_one, answer) => answer !== 'no');
      const { Version } = await client.version();
      const recorded: Recorded = { docker: Version, answers };
      writeFileSync(recording, `${JSON.stringify(recorded, null, 2)}\n`);
    } finally {
      client.close();
      await docker.close();
      await surroundings.close();
    }
  });
});

/** Whether the kernel filters frames that stay on one bridge; it can where it has br_netfilter. */
const frameFilters = ['iptables', 'ip6tables'].map(
  (name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`,
);
const kernels = [
  ...(frameFilters.every((path) => existsSync(path))
    ? [{ kernel: 'frames of a bridge are filtered', isOfFrames: true }]
    : []),
  { kernel: 'frames of a bridge are not filtered', isOfFrames: false },
];
const nothing: Recorded = { docker: '', answers: {} };
const networks = [...new Set(cases.map(({ network }) => network))];

describe.skipIf(isRecording || !isAble).each(kernels)(
  'what is reached from where: $kernel',
  ({ isOfFrames }) => {
    const { docker, answers: theirs } = isRecording ? nothing : readRecorded();
    const explained = differences.filter((one) => isOfFrames || one.isOfFrames !== true);
    const differenceAt = (one: Case): Difference | undefined =>
      explained.find(
        (difference) =>
          difference.cases.test(fullName(one)) && difference.docker === at(theirs, one),
      );
    const expectedOf = (one: Case): string | undefined =>
      differenceAt(one)?.ours ?? at(theirs, one);
    let ours: Answers;
    let engine: TestEngine;
    let before: Audit;

    beforeAll(async () => {
      await using taken = new Taken();
      engine = taken.use(await TestEngine.create());
      before = await takeAudit(engine.scope);
      taken.defer(setFrameFilters(isOfFrames));
      const surroundings = await makeSurroundings();
      taken.defer(() => surroundings.close());
      await engine.start();
      const world = taken.use(await World.make(engine.client, surroundings));
      ours = await askUntil(world, (one, answer) => answer === expectedOf(one));
    });
    afterAll(async () => {
      await expectNoLeaks(before, engine.scope);
    });

    test('must be a table of 150 cases at least, each of them with an answer of Docker 28', () => {
      expect(docker).toMatch(/^28\./);
      expect(cases.length).toBeGreaterThanOrEqual(150);
      expect(namesIn(theirs)).toEqual(namesIn(ours));
    });

    test.each(networks)('must be as with Docker, or explained: %s', (network) => {
      const expected = cases.filter((one) => one.network === network);
      expect(ours[network]).toEqual(
        Object.fromEntries(expected.map((one) => [one.name, expectedOf(one)])),
      );
    });

    test('must never be more than with Docker', () => {
      const open = cases.filter((one) => at(theirs, one) === 'no' && at(ours, one) !== 'no');
      expect(open.map(fullName)).toEqual([]);
    });

    test.each(explained)('must differ where it is explained: $why', (difference) => {
      expect(cases.filter((one) => differenceAt(one) === difference)).not.toEqual([]);
    });
  },
);

/** Returns what puts them back. */
function setFrameFilters(isOn: boolean): () => void {
  const present = frameFilters.filter((path) => existsSync(path));
  const values = present.map((path) => readFileSync(path, 'utf8'));
  for (const path of present) writeFileSync(path, isOn ? '1' : '0');
  return () => {
    present.forEach((path, index) => {
      writeFileSync(path, values[index] ?? '');
    });
  };
}

function readRecorded(): Recorded {
  return JSON.parse(readFileSync(recording, 'utf8')) as Recorded;
}

/**
 * Asks all, and then again those whose answer is not `enough`; who was silent is asked in the longest round as well,
 * whatever is expected of it. Who answered once is reached.
 */
async function askUntil(
  world: World,
  isEnough: (one: Case, answer: string) => boolean,
): Promise<Answers> {
  const found = new Map<Case, string>();
  for (const timeoutMs of timeoutsMs) {
    const isLongest = timeoutMs === timeoutsMs.at(-1);
    const open = cases.filter((one) => {
      const answer = found.get(one);
      return answer === undefined || !isEnough(one, answer) || (isLongest && answer === 'no');
    });
    for (const [one, answer] of await world.ask(open, timeoutMs))
      if (answer !== 'no' || !found.has(one)) found.set(one, answer);
  }
  const answers: Answers = {};
  for (const one of cases) (answers[one.network] ??= {})[one.name] = found.get(one) ?? '';
  return answers;
}

function at(answers: Answers, { network, name }: Case): string | undefined {
  return answers[network]?.[name];
}

function fullName({ network, name }: Case): string {
  return `${network}: ${name}`;
}

function namesIn(answers: Answers): readonly string[] {
  return Object.entries(answers).flatMap(([network, found]) =>
    Object.keys(found).map((name) => `${network}: ${name}`),
  );
}
