/** One engine for a file of tests, an audit around each of them, and the few words they share. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { EngineError } from '../../../engine/api/index.ts';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import type { EngineClient } from '../../../engine/client/index.ts';
import { compareAudits, takeAudit } from '../../lib/audit.ts';
import type { Audit } from '../../lib/audit.ts';
import { TestEngine } from '../../lib/engine.ts';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';

export const absent: readonly string[] = missing('root', 'overlayfs', 'nftables');
export const image = 'tscompose.local/host';
/** Ends with 5 when it is told to. As first process it is deaf to signals until it has said that it is ready. */
export const obedient: readonly string[] = sh(
  'trap "exit 5" TERM; echo ready; while :; do sleep 0.02; done',
);
/** Only SIGKILL ends it. */
export const stubborn: readonly string[] = sh('trap "" TERM; while :; do sleep 0.02; done');

export function sh(script: string): readonly string[] {
  return ['sh', '-c', script];
}

export interface Subject {
  readonly engine: TestEngine;
  readonly client: EngineClient;
}

/** Call it once in a describe. Whatever a test leaves of the kernel, of files or of volumes fails that test. */
export function useEngine(): () => Subject {
  let engine: TestEngine;
  let before: Audit;
  const subject = (): Subject => ({ engine, client: engine.client });
  beforeAll(async () => {
    engine = await TestEngine.create();
    await engine.start();
    // The default bridge is made for the first container on it, and then stays with the engine.
    const id = await run(subject(), ['true']);
    await engine.client.containers.wait(id);
    await engine.client.containers.remove(id);
    before = await eventually(() => idleAudit(engine));
  });
  afterEach(async () => {
    await removeAll(subject());
    await eventually(async () => {
      expect(compareAudits(before, await audit(engine))).toEqual([]);
    });
    expect(await engine.log()).not.toMatch(/lost track|cannot release|unhandled/i);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });
  return subject;
}

async function removeAll({ client }: Subject): Promise<void> {
  for (const { Id } of await client.containers.list({ all: true })) {
    await client.containers.remove(Id, { force: true, volumes: true });
  }
  for (const { Id, Name } of await client.networks.list()) {
    if (!['bridge', 'host', 'none'].includes(Name)) await client.networks.remove(Id);
  }
  for (const { Name } of await client.volumes.list()) await client.volumes.remove(Name);
}

/** The kernel tells a little later that the bridge has no port any more. */
async function idleAudit(engine: TestEngine): Promise<Audit> {
  const found = await audit(engine);
  const active = (found.get('routes') ?? []).filter(
    (route) => / dev tsc\w+ .* scope link /.test(route) && !route.includes('linkdown'),
  );
  expect(active).toEqual([]);
  return found;
}

/** Engine and resolver are other processes after a test that killed the engine. */
async function audit(engine: TestEngine): Promise<Audit> {
  const of = ['containers', 'records', 'volumes'].map((name) => join(engine.stateRoot, name));
  const found = new Map(await takeAudit({ ...engine.scope, directories: [engine.runRoot, ...of] }));
  const processes = found.get('processes') ?? [];
  return found.set(
    'processes',
    processes.filter((line) => !/ daemon$|resolver/.test(line)),
  );
}

export async function create(
  { client }: Subject,
  command: readonly string[],
  request: ContainerCreateRequest = {},
): Promise<string> {
  const { Id } = await client.containers.create({ Image: image, Cmd: command, ...request });
  return Id;
}

export async function run(
  subject: Subject,
  command: readonly string[],
  request: ContainerCreateRequest = {},
): Promise<string> {
  const id = await create(subject, command, request);
  await subject.client.containers.start(id);
  return id;
}

/** Starts it, and waits for the last start's line in its log. */
export async function runReady(
  subject: Subject,
  command: readonly string[],
  request: ContainerCreateRequest = {},
): Promise<string> {
  const id = await run(subject, command, request);
  await isReady(subject, id, 1);
  return id;
}

/** Waits until it has said so for the nth time. */
export async function isReady({ client }: Subject, id: string, times: number): Promise<void> {
  const stream = client.containers.logs(id, { follow: true });
  let left = times;
  for await (const { text } of stream) {
    if (text === 'ready' && --left === 0) return;
  }
  throw new Error(`it ended with ${left} more to come`);
}

/** What inspect shows of the state, in short: `exited 5`. */
export async function state({ client }: Subject, ref: string): Promise<string> {
  const { State } = await client.containers.inspect(ref);
  return State.Running ? State.Status : `${State.Status} ${State.ExitCode}`;
}

/** The status and message of a failure. */
export async function failure(work: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof EngineError) return error;
  throw error;
}

/** Actions of what happened to one container and its networks and volumes until now, in order. */
export async function actions({ client }: Subject, id: string): Promise<readonly string[]> {
  // The past ends here, and with it the stream: a clock of milliseconds is behind that of the events.
  const until = ((Date.now() + 1) / 1000).toFixed(3);
  const found: string[] = [];
  for await (const { Action, Actor } of client.events({ since: '0', until })) {
    if (Actor.ID === id || Actor.Attributes['container'] === id) found.push(Action);
  }
  return found;
}
