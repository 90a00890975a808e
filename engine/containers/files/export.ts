/** `docker export`: the whole root as an archive, with what is mounted in it as the empty directory below. */
import type { ContainerContext } from '../context.ts';
import { publishContainer } from '../events.ts';
import { packTree } from './pack.ts';
import { openRootOf } from './roots.ts';
import type { RootContext } from './roots.ts';
import { whileOpen } from './while-open.ts';

export async function exportRoot(
  ctx: RootContext & Pick<ContainerContext, 'events'>,
  ref: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const opened = await openRootOf(ctx, ref, { withVolumes: false, signal });
  publishContainer(ctx, opened.container, { action: 'export' });
  return whileOpen(opened, packTree([{ directory: opened.root, name: '', as: '' }]));
}
