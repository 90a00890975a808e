/** Removing what nothing uses: the question before it, and what is told afterwards. */
import type { ImageDeleted } from '../../engine/api/index.ts';
import type { EngineClient, Filters } from '../../engine/client/index.ts';
import type { Context } from '../context.ts';
import { decimalSize } from '../ui/go-text.ts';

export interface Pruned {
  /** What was removed, under its heading; empty where nothing was. */
  readonly text: string;
  /** null for what takes no space worth telling. */
  readonly bytes: number | null;
}

export interface PruneOptions {
  readonly all: boolean;
  readonly filters: Filters;
  readonly signal: AbortSignal;
}

export type Prune = (engine: EngineClient, options: PruneOptions) => Promise<Pruned>;

export const pruneContainers: Prune = async (engine, { filters, signal }) => {
  const { ContainersDeleted, SpaceReclaimed } = await engine.containers.prune({ filters, signal });
  return { text: listed('Containers', ContainersDeleted), bytes: SpaceReclaimed };
};

export const pruneNetworks: Prune = async (engine, { filters, signal }) => {
  const { NetworksDeleted } = await engine.networks.prune({ filters, signal });
  return { text: listed('Networks', NetworksDeleted), bytes: null };
};

export const pruneVolumes: Prune = async (engine, { all, filters, signal }) => {
  const wanted = all ? { ...filters, all: ['1'] } : filters;
  const { VolumesDeleted, SpaceReclaimed } = await engine.volumes.prune({
    filters: wanted,
    signal,
  });
  return { text: listed('Volumes', VolumesDeleted), bytes: SpaceReclaimed };
};

export const pruneImages: Prune = async (engine, { all, filters, signal }) => {
  const wanted = { ...filters, dangling: [all ? '0' : '1'] };
  const { ImagesDeleted, SpaceReclaimed } = await engine.images.prune({ filters: wanted, signal });
  return {
    text: listed('Images', ImagesDeleted?.map(imageLine) ?? null),
    bytes: SpaceReclaimed,
  };
};

/** Nothing where the engine builds nothing. */
export const pruneBuildCache: Prune = async (engine, options) => {
  const { EngineError } = await import('../../engine/api/index.ts');
  try {
    const { CachesDeleted, SpaceReclaimed } = await engine.pruneBuildCache(options);
    const text = (CachesDeleted?.length ?? 0) === 0 ? '' : `Deleted build cache objects:\n`;
    return {
      text: text + (CachesDeleted ?? []).map((id) => `${id}\n`).join(''),
      bytes: SpaceReclaimed,
    };
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
    return { text: '', bytes: 0 };
  }
};

function listed(kind: string, names: readonly string[] | null): string {
  if (names === null || names.length === 0) return '';
  return `Deleted ${kind}:\n${names.map((name) => `${name}\n`).join('')}`;
}

function imageLine(entry: ImageDeleted): string {
  return 'Untagged' in entry ? `untagged: ${entry.Untagged}` : `deleted: ${entry.Deleted}`;
}

/** Asks unless told not to; no answer is no. */
export async function mayPrune(
  context: Context,
  { warning, force }: { readonly warning: string; readonly force: boolean },
): Promise<boolean> {
  if (force) return true;
  const { askYes } = await import('../ask.ts');
  return askYes(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `, context);
}

export function reclaimed(bytes: number): string {
  return `Total reclaimed space: ${decimalSize(bytes)}\n`;
}
