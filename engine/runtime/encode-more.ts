/** The last part of a specification's header: what few have, so that shims from before it know all others. */
import type { Cursor } from './encode.ts';
import type { SandboxMount, SandboxSpec } from './sandbox-spec.ts';

export const moreBytes = 24;
const fileBytes = 32;
const pairBytes = 16;

const moreFlag = { coreScheduling: 1, initAttribute: 2 } as const;

type MoreParts = Pick<SandboxSpec, 'mounts' | 'process'>;

export function hasMore({ mounts, process }: MoreParts): boolean {
  const { attributes = [], initAttribute, hasCoreScheduling } = process;
  return (
    attributes.length > 0 ||
    initAttribute !== undefined ||
    hasCoreScheduling === true ||
    mounts.some(({ kind }) => kind === 'files')
  );
}

export function encodeMore(header: Cursor, spec: MoreParts): void {
  header.list(spec.mounts.flatMap(filesOf), fileBytes, (cursor, { index, file }) =>
    cursor
      .u32(index)
      .u32(file.uid)
      .u32(file.gid)
      .u32(file.mode)
      .text(file.path)
      .bytes(file.content, 1),
  );
  const { attributes = [], initAttribute, hasCoreScheduling } = spec.process;
  const written = initAttribute === undefined ? attributes : [...attributes, initAttribute];
  header.list(written, pairBytes, (cursor, [path, value]) => cursor.text(path).text(value));
  const flags =
    (hasCoreScheduling === true ? moreFlag.coreScheduling : 0) |
    (initAttribute === undefined ? 0 : moreFlag.initAttribute);
  header.u32(flags).u32(0);
}

function filesOf(
  { files = [] }: SandboxMount,
  index: number,
): readonly { readonly index: number; readonly file: (typeof files)[number] }[] {
  return files.map((file) => ({ index, file }));
}
