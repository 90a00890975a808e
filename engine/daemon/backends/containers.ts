/** The verbs of engine/containers as the container routes want them. */
import { EngineError } from '../../api/index.ts';
import { createContainer, toEngineError } from '../../containers/create.ts';
import { inspectContainer, summarize } from '../../containers/inspect.ts';
import type { InspectFacts } from '../../containers/inspect.ts';
import type { ContainerContext } from '../../containers/context.ts';
import type { Container } from '../../containers/container.ts';
import { killContainer } from '../../containers/kill.ts';
import { readLogs } from '../../containers/logs.ts';
import { removeContainer } from '../../containers/remove.ts';
import { renameContainer } from '../../containers/rename.ts';
import { restartContainer } from '../../containers/restart.ts';
import { startContainer } from '../../containers/start.ts';
import { stopContainer } from '../../containers/stop.ts';
import { waitContainer } from '../../containers/wait.ts';
import type { ContainerBackend, ContainerListItem } from '../routes/index.ts';

export function createContainerBackend(
  ctx: ContainerContext,
  facts: InspectFacts,
): ContainerBackend {
  return {
    create: async (request, options) => {
      requirePlatform(options.platform, facts.platform);
      return await createContainer(ctx, request, options);
    },
    start: (ref, abort) => startContainer(ctx, ref, abort),
    stop: (ref, options) => stopContainer(ctx, ref, options),
    restart: (ref, options) => restartContainer(ctx, ref, options),
    kill: (ref, signal) => killContainer(ctx, ref, signal),
    rename: (ref, name) => renameContainer(ctx, ref, name),
    wait: async (ref, condition, signal) =>
      await Promise.resolve().then(() => waitContainer(ctx, ref, { condition, signal })),
    remove: async (ref, options) => {
      await removeContainer(ctx, ref, options).catch((error: unknown) => {
        throw toEngineError(error);
      });
    },
    inspect: async (ref, { size }) => {
      const found = inspectContainer(ctx, ref, facts);
      return size ? { ...found, ...(await sizesOf(ctx, ctx.containers.find(found.Id))) } : found;
    },
    list: async ({ size }) => {
      const items = [...ctx.containers].map(listItem);
      if (!size) return items;
      const sizes = await Promise.all(
        [...ctx.containers].map((container) => sizesOf(ctx, container)),
      );
      return items.map((item, index) => ({
        ...item,
        summary: { ...item.summary, ...sizes[index] },
      }));
    },
    logs: async (ref, options, abort) =>
      await Promise.resolve().then(() => readLogs(ctx, ref, { ...options, signal: abort })),
  };
}

function requirePlatform(asked: string | null, own: string): void {
  if (asked === null || asked === '') return;
  const [os, architecture] = asked.split('/');
  const [ownOs, ownArchitecture] = own.split('/');
  if (os === ownOs && (architecture === undefined || architecture === ownArchitecture)) return;
  throw new EngineError('not-found', `this engine runs ${own}, not ${asked}`);
}

/** What it has written, and that with its image. */
export async function sizesOf(
  { snapshots, images }: Pick<ContainerContext, 'snapshots' | 'images'>,
  { id, record }: Container,
): Promise<{ readonly SizeRw: number; readonly SizeRootFs: number }> {
  const SizeRw = await snapshots.usage(id);
  return { SizeRw, SizeRootFs: (images.resolve(record.imageId)?.sizeBytes ?? 0) + SizeRw };
}

function listItem(container: Container): ContainerListItem {
  const { record } = container;
  return {
    summary: summarize(container),
    createdNs: BigInt(record.createdNs),
    exitCode: record.run.exitCode,
    health: container.health?.status ?? 'none',
    exposedPorts: [
      ...Object.keys(record.config.ExposedPorts ?? {}),
      ...Object.keys(record.hostConfig.PortBindings ?? {}),
    ],
  };
}
