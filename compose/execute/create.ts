import {
  EngineError,
  type ContainerCreated,
  type NetworkCreated,
  type NetworkCreateRequest,
} from '../../engine/api/index.ts';
import { labels } from '../labels.ts';
import type { ActionOf } from '../plan/action.ts';
import type { Run } from './run.ts';

export interface Owned {
  /** This run made it, and may undo it. */
  readonly isOurs: boolean;
}

export async function createContainer(
  { engine }: Run,
  { name, body }: ActionOf<'createContainer'>,
): Promise<ContainerCreated & Owned> {
  return await makeOrFind<ContainerCreated & Owned>({
    // Not abortable: an answer that nobody reads would leave a container that nobody knows.
    make: async () => ({ ...(await engine.containers.create(body, { name })), isOurs: true }),
    find: async () => {
      try {
        const { Id, Config } = await engine.containers.inspect(name);
        return { labels: Config.Labels, found: { Id, Warnings: [], isOurs: false } };
      } catch (error) {
        if (error instanceof EngineError && error.kind === 'not-found') return null;
        throw error;
      }
    },
    labels: body.Labels,
  });
}

export async function createNetwork(
  { engine }: Run,
  body: NetworkCreateRequest,
): Promise<NetworkCreated & Owned> {
  return await makeOrFind<NetworkCreated & Owned>({
    make: async () => ({ ...(await engine.networks.create(body)), isOurs: true }),
    find: async () => {
      const network = (await engine.networks.list()).find(({ Name }) => Name === body.Name);
      if (network === undefined) return null;
      return { labels: network.Labels, found: { Id: network.Id, Warning: '', isOurs: false } };
    },
    labels: body.Labels,
  });
}

interface MakeOrFind<T> {
  readonly make: () => Promise<T>;
  /** What has the name; null while somebody has it who is not done making it. */
  readonly find: () => Promise<{ readonly labels: Labels; readonly found: T } | null>;
  readonly labels: Labels;
}

const mostAttempts = 100;
const betweenAttemptsMs = 20;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * Another `up` of the same project may run at the same time and be first: what it made as we would have made it is what
 * we want. It is not ours to undo.
 */
async function makeOrFind<T>({ make, find, labels: wanted }: MakeOrFind<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await make();
    } catch (error) {
      if (!isConflict(error)) throw error;
      const other = await find();
      if (other !== null && isSame(other.labels, wanted)) return other.found;
      if (other !== null || attempt === mostAttempts) throw error;
    }
    await pause(betweenAttemptsMs);
  }
}

type Labels = Readonly<Record<string, string>> | null | undefined;

function isSame(one: Labels, other: Labels): boolean {
  return [labels.project, labels.configHash].every(
    (key) => one?.[key] !== undefined && one[key] === other?.[key],
  );
}

function isConflict(error: unknown): boolean {
  return error instanceof EngineError && error.kind === 'conflict';
}
