/** Files in and out of containers as their routes want them. */
import type { ContainerContext } from '../../containers/context.ts';
import { readArchive, statPath, writeArchive } from '../../containers/files/archive.ts';
import { readChanges } from '../../containers/files/changes.ts';
import { commitContainer } from '../../containers/files/commit.ts';
import { exportRoot } from '../../containers/files/export.ts';
import { giveFiles } from '../../containers/given/give-files.ts';
import type { ImageStore } from '../../images/index.ts';
import type { FilesBackend } from '../routes/index.ts';

export function createFilesBackend(
  ctx: ContainerContext & { readonly imageStore: Pick<ImageStore, 'commit'> },
): FilesBackend {
  return {
    statPath: (ref, path, signal) => statPath(ctx, ref, { path, signal }),
    readArchive: (ref, path, signal) => readArchive(ctx, ref, { path, signal }),
    writeArchive: (ref, request, signal) => writeArchive(ctx, ref, { ...request, signal }),
    giveFiles: (ref, request, signal) => giveFiles(ctx, ref, { ...request, signal }),
    exportRoot: (ref, signal) => exportRoot(ctx, ref, signal),
    commit: (ref, request, signal) => commitContainer(ctx, ref, { ...request, signal }),
    changes: (ref, signal) => readChanges(ctx, ref, signal),
  };
}
