/**
 * The image the engine makes itself, `tscompose.local/host:latest`: a small layer of our own with the host's /usr
 * mounted inside it, so that the programs a host has run isolated with nothing to download. The layer's bytes depend
 * on the host's files alone; equal files give an equal digest.
 */
import { posix } from 'node:path';
import { pack } from 'tar-stream';
import type { ImageContext } from './context.ts';
import { digestOf } from './digest.ts';
import { sweep } from './gc.ts';
import { HostFiles } from './host-files.ts';
import { makeSkeleton, skeletonInputs, systemNames, type SkeletonEntry } from './host-skeleton.ts';
import { makeSingleLayer } from './import.ts';
import type { Digest, HostPart, HostParts, Image, RunConfig } from './model.ts';
import { reservedDomain } from './names.ts';

export const hostImageName: string = `${reservedDomain}/host:latest`;

export interface HostOptions {
  /** Of the running Node (process.execPath), links resolved. */
  readonly nodePath: string;
  /** The host's root directory; only tests have another one. */
  readonly hostRoot?: string;
  /** Ids of the containers made from an image: an outdated built-in image goes when there are none. */
  readonly usersOf?: (id: Digest) => readonly string[];
}

/** Grows when what this file makes out of the same host changes. */
const makeVersion = 1;

export async function ensureHostImage(
  context: ImageContext,
  { nodePath, hostRoot = '/', usersOf }: HostOptions,
): Promise<Image> {
  const host = new HostFiles(hostRoot);
  const node = findNode(host, nodePath);
  const parts = findParts(host, node);
  const fingerprint = fingerprintOf(host, parts);
  const known = context.catalog.named(hostImageName);
  if (known !== null && isCurrent(context, known, fingerprint)) return known;
  const image = await makeSingleLayer(context, {
    source: toTar([...makeSkeleton(host), ...node.entries]),
    names: [hostImageName],
    config: configOf(node),
    comment: "programs of the host's /usr",
    // A time of our own would be another image at every start.
    created: '1970-01-01T00:00:00Z',
    what: 'the host image',
    host: { parts, fingerprint },
  });
  if (usersOf !== undefined) await removeOutdated(context, image, usersOf);
  return image;
}

function isCurrent(context: ImageContext, { id, chain }: Image, fingerprint: string): boolean {
  return (
    context.catalog.record(id)?.hostFingerprint === fingerprint &&
    chain.every((chainId) => context.layers.get(chainId) !== null)
  );
}

async function removeOutdated(
  context: ImageContext,
  current: Image,
  usersOf: (id: Digest) => readonly string[],
): Promise<void> {
  const outdated = context.catalog
    .list()
    .filter(({ id, host, names }) => host !== null && names.length === 0 && id !== current.id);
  for (const { id } of outdated) if (usersOf(id).length === 0) await context.catalog.delete(id);
  if (outdated.length > 0) await sweep(context);
}

function findParts(host: HostFiles, node: NodeParts): HostParts {
  const names = ['usr', ...systemNames].filter((name) => host.isDirectory(`/${name}`));
  return {
    overlays: names.map((name): HostPart => [host.pathOf(name), `/${name}`]),
    binds: node.binds,
  };
}

function fingerprintOf(host: HostFiles, parts: HostParts): string {
  const stamps = skeletonInputs(host).map((path) => host.stamp(path));
  return digestOf([makeVersion, JSON.stringify(parts), ...stamps].join('\n'));
}

interface NodeParts {
  readonly binds: readonly HostPart[];
  /** What the binds are mounted on. */
  readonly entries: readonly SkeletonEntry[];
}

const nodeTarget = 'opt/node';

/** What a directory made for Node alone has in it: its own archives, nvm, fnm, volta, asdf, CI tool caches. */
const nodeOnly = /^(bin|include|lib|share|CHANGELOG\.md|LICENSE|README\.md)$/;

/**
 * Nothing if Node is below /usr, else its prefix. A prefix shared with other things may be somebody's ~/.local, so
 * from there only the program and its modules are taken.
 */
function findNode(host: HostFiles, nodePath: string): NodeParts {
  const isIncluded = ['usr', ...systemNames].some((name) => nodePath.startsWith(`/${name}/`));
  if (isIncluded) return { binds: [], entries: [] };
  const prefix = posix.dirname(posix.dirname(nodePath));
  const isInBin = posix.basename(posix.dirname(nodePath)) === 'bin';
  if (isInBin && prefix !== '/' && host.list(prefix).every((name) => nodeOnly.test(name)))
    return { binds: [[host.pathOf(prefix), `/${nodeTarget}`]], entries: [directory(nodeTarget)] };
  return bindPieces(host, { nodePath, modules: isInBin ? `${prefix}/lib/node_modules` : '' });
}

function bindPieces(
  host: HostFiles,
  { nodePath, modules }: { readonly nodePath: string; readonly modules: string },
): NodeParts {
  const program = `${nodeTarget}/bin/node`;
  const binds: HostPart[] = [[host.pathOf(nodePath), `/${program}`]];
  const entries: SkeletonEntry[] = [
    directory(nodeTarget),
    directory(`${nodeTarget}/bin`),
    { path: program, kind: 'file', content: Buffer.alloc(0) },
  ];
  if (modules !== '' && host.isDirectory(modules)) {
    const target = `${nodeTarget}/lib/node_modules`;
    binds.push([host.pathOf(modules), `/${target}`]);
    entries.push(directory(`${nodeTarget}/lib`), directory(target), ...nodeLinks(host, modules));
  }
  return { binds, entries };
}

/** npm and npx are links to scripts among the modules. */
function nodeLinks(host: HostFiles, modules: string): SkeletonEntry[] {
  const scripts: readonly (readonly [string, string])[] = [
    ['npm', 'npm/bin/npm-cli.js'],
    ['npx', 'npm/bin/npx-cli.js'],
    ['corepack', 'corepack/dist/corepack.js'],
  ];
  return scripts
    .filter(([, script]) => host.exists(`${modules}/${script}`))
    .map(([name, script]) => ({
      path: `${nodeTarget}/bin/${name}`,
      kind: 'symlink',
      target: `../lib/node_modules/${script}`,
    }));
}

function directory(path: string): SkeletonEntry {
  return { path, kind: 'directory', mode: 0o755 };
}

function configOf(node: NodeParts): RunConfig {
  const places = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const path = node.binds.length === 0 ? places : [`/${nodeTarget}/bin`, ...places];
  return { Env: [`PATH=${path.join(':')}`], Cmd: ['/bin/sh'], WorkingDir: '/' };
}

/** Owner root, time 0: nothing of the moment gets into the bytes. */
async function* toTar(entries: readonly SkeletonEntry[]): AsyncGenerator<Uint8Array> {
  const archive = pack();
  const common = { uid: 0, gid: 0, mtime: new Date(0) };
  for (const entry of entries) {
    const name = entry.path === '' ? './' : entry.path;
    if (entry.kind === 'directory')
      archive.entry({ ...common, name, type: 'directory', mode: entry.mode });
    else if (entry.kind === 'symlink')
      archive.entry({ ...common, name, type: 'symlink', mode: 0o777, linkname: entry.target });
    else archive.entry({ ...common, name, mode: 0o644 }, entry.content);
  }
  archive.finalize();
  for await (const chunk of archive as AsyncIterable<Buffer>) yield chunk;
}
