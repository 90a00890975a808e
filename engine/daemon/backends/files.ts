/** Files in and out of containers as their routes want them. */
import type { ContainerContext } from '../../containers/context.ts';
import { readArchive, statPath, writeArchive } from '../../containers/files/archive.ts';
import { readChanges } from '../../containers/files/changes.ts';
import { exportRoot } from '../../containers/files/export.ts';
import type { FilesBackend } from '../routes/index.ts';

export function createFilesBackend(ctx: ContainerContext): FilesBackend {
  return {
    statPath: (ref, path, signal) => statPath(ctx, ref, { path, signal }),
    readArchive: (ref, path, signal) => readArchive(ctx, ref, { path, signal }),
    writeArchive: (ref, request, signal) => writeArchive(ctx, ref, { ...request, signal }),
    exportRoot: (ref, signal) => exportRoot(ctx, ref, signal),
    changes: (ref, signal) => readChanges(ctx, ref, signal),
  };
}
