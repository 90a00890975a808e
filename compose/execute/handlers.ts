import { EngineError } from '../../engine/api/index.ts';
import type { Action, ActionKind, ActionOf, ContainerTarget } from '../plan/action.ts';
import { createContainer, createNetwork } from './create.ts';
import { runHook, runInit } from './hook.ts';
import type { ProgressEvent } from './progress.ts';
import type { Run } from './run.ts';

type Handlers = { readonly [K in ActionKind]: (run: Run, action: ActionOf<K>) => Promise<void> };

/** One handler per action, each one engine call. */
const handlers: Handlers = {
  createNetwork: async (run, { name, body }) => {
    run.report({ resource: 'network', name, status: 'creating' });
    const { Id, isOurs } = await createNetwork(run, body);
    if (isOurs) run.addMade({ kind: 'network', name, ref: Id });
    run.report({ resource: 'network', name, status: 'created' });
  },
  createVolume: async (run, { name, body }) => {
    run.report({ resource: 'volume', name, status: 'creating' });
    await run.engine.volumes.create(body);
    run.addMade({ kind: 'volume', name, ref: name });
    run.report({ resource: 'volume', name, status: 'created' });
  },
  createContainer: async (run, action) => {
    const { name, replaces, ref } = action;
    const shown = eventOf(run, { ...action, name: replaces ?? name });
    run.report({ ...shown, status: replaces === undefined ? 'creating' : 'recreating' });
    const created = await createContainer(run, action);
    const { Id, Warnings } = created;
    run.setId(ref, Id);
    if (created.isOurs) run.addMade({ kind: 'container', name, ref: Id });
    for (const text of Warnings) run.addEngineWarning({ service: action.service ?? name, text });
    if (replaces === undefined) run.report({ ...eventOf(run, action), status: 'created' });
  },
  writeFiles: async (run, { ref, files }) => {
    await run.engine.archives.writeFiles(run.idOf(ref), files);
  },
  runHook,
  runInit,
  startContainer: async (run, action) => {
    run.report({ ...eventOf(run, action), status: 'starting' });
    await run.engine.containers.start(run.idOf(action.ref));
    run.report({ ...eventOf(run, action), status: 'started' });
  },
  stopContainer: async (run, action) => {
    const { timeoutSeconds, ref, isReplaced } = action;
    if (isReplaced !== true) run.report({ ...eventOf(run, action), status: 'stopping' });
    const stopping = run.engine.containers.stop(run.idOf(ref), {
      ...(timeoutSeconds !== null && { timeoutSeconds }),
      signal: run.signal,
    });
    await unlessGone(stopping);
    if (isReplaced !== true) run.report({ ...eventOf(run, action), status: 'stopped' });
  },
  removeContainer: async (run, action) => {
    const { ref, withVolumes, isReplaced } = action;
    if (isReplaced !== true) run.report({ ...eventOf(run, action), status: 'removing' });
    await unlessGone(run.engine.containers.remove(run.idOf(ref), { volumes: withVolumes }));
    if (isReplaced !== true) run.report({ ...eventOf(run, action), status: 'removed' });
  },
  renameContainer: async (run, action) => {
    const id = run.idOf(action.ref);
    if (action.isReplaced === true) {
      await setAside(run, id, action.newName);
      return;
    }
    await rename(run, id, action.newName);
    if (action.isRestored === true) await run.policies.restore(run.engine, id);
    run.setId(action.newName, id);
    run.keep(id);
    run.report({ ...eventOf(run, { ...action, name: action.newName }), status: 'recreated' });
  },
  restartContainer: async (run, action) => {
    const { ref, timeoutSeconds } = action;
    run.report({ ...eventOf(run, action), status: 'restarting' });
    await run.engine.containers.restart(run.idOf(ref), {
      ...(timeoutSeconds !== null && { timeoutSeconds }),
      signal: run.signal,
    });
    run.report({ ...eventOf(run, action), status: 'started' });
  },
  killContainer: async (run, action) => {
    run.report({ ...eventOf(run, action), status: 'killing' });
    await run.engine.containers.kill(run.idOf(action.ref), { killSignal: action.signal });
    run.report({ ...eventOf(run, action), status: 'killed' });
  },
  pauseContainer: async (run, action) => {
    await run.engine.containers.pause(run.idOf(action.ref));
    run.report({ ...eventOf(run, action), status: 'paused' });
  },
  unpauseContainer: async (run, action) => {
    await run.engine.containers.unpause(run.idOf(action.ref));
    run.report({ ...eventOf(run, action), status: 'unpaused' });
  },
  removeNetwork: async (run, { name }) => {
    await removeUnlessUsed(run, { resource: 'network', name }, () =>
      run.engine.networks.remove(name),
    );
  },
  removeVolume: async (run, { name }) => {
    await removeUnlessUsed(run, { resource: 'volume', name }, () =>
      run.engine.volumes.remove(name),
    );
  },
  removeImage: async (run, { name }) => {
    await removeUnlessUsed(run, { resource: 'image', name }, () => run.engine.images.remove(name));
  },
};

export function handle(run: Run, action: Action): Promise<void> {
  // The map gives each kind the handler of that kind; TypeScript cannot follow the pairing through the union.
  return (handlers[action.kind] as (run: Run, action: Action) => Promise<void>)(run, action);
}

function eventOf(run: Run, target: ContainerTarget): Omit<ProgressEvent, 'status'> {
  const id = run.idOf(target.ref);
  return {
    resource: 'container',
    name: target.name,
    ...(id !== target.name && { id }),
    ...(target.service !== null && { service: target.service }),
  };
}

async function setAside(run: Run, id: string, name: string): Promise<void> {
  await run.policies.suspend(run.engine, id);
  try {
    await rename(run, id, name);
  } catch (error) {
    await run.policies.restore(run.engine, id);
    throw error;
  }
}

/** Another `up` that does the same may have done it already; see create.ts. */
async function rename({ engine }: Run, id: string, name: string): Promise<void> {
  try {
    await engine.containers.rename(id, name);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { Name } = await engine.containers.inspect(id);
    if (Name !== `/${name}`) throw error;
  }
}

/** What others use stays, and that is no failure: they may be another project's. */
async function removeUnlessUsed(
  run: Run,
  event: Pick<ProgressEvent, 'resource' | 'name'>,
  remove: () => Promise<unknown>,
): Promise<void> {
  run.report({ ...event, status: 'removing' });
  try {
    await unlessGone(remove());
    run.report({ ...event, status: 'removed' });
  } catch (error) {
    if (!(error instanceof EngineError) || !usedKinds.has(error.kind)) throw error;
    run.report({ ...event, status: 'in-use' });
  }
}

/** dockerd answers 403 for a network with endpoints and 409 for the others. */
const usedKinds: ReadonlySet<string> = new Set(['conflict', 'forbidden']);

/** What is to be stopped or removed and is not there any more is. */
async function unlessGone(ending: Promise<unknown>): Promise<void> {
  try {
    await ending;
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
  }
}
