/**
 * Shared mechanics that three areas already needed: durable files, ids, locks, undo, batching, archives.
 * Belongs here: code that knows nothing of containers, images or networks. Does not belong here: policy, paths of
 * the engine, anything used by one area only.
 */
export {
  removeFile,
  syncDirectory,
  syncFile,
  tempSuffix,
  writeFileAtomic,
  writeWhole,
} from './atomic-file.ts';
export type { Durability, WriteOptions } from './atomic-file.ts';
export { Batch } from './batch.ts';
export { createId, isId, resolvePrefix, shortId } from './ids.ts';
export type { PrefixMatch } from './ids.ts';
export { KeyedLock } from './keyed-lock.ts';
export { makePath } from './make-path.ts';
export { reasonOf, Rollback } from './rollback.ts';
export { printable, readTar, TarError } from './tar.ts';
export type { ByteString, Piece, TarEntry, TarEntryType } from './tar.ts';
export { encodeTarHeader, paddingOf, tarEnd } from './tar-writer.ts';
export type { TarHeader } from './tar-writer.ts';
