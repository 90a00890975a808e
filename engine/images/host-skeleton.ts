/**
 * The file tree of the built-in image around the host's own /usr: directories that programs expect, and an /etc that
 * lets them resolve names, load libraries and verify certificates. Nothing of /home, /root or /var; of users and
 * groups only names and numbers of the system's own.
 */
import { posix } from 'node:path';
import { linkTarget, type HostFiles } from './host-files.ts';

export type SkeletonEntry =
  | { readonly path: string; readonly kind: 'directory'; readonly mode: number }
  | { readonly path: string; readonly kind: 'file'; readonly content: Buffer }
  | { readonly path: string; readonly kind: 'symlink'; readonly target: string };

/** Sorted by path; the same host files give the same list. */
export function makeSkeleton(host: HostFiles): readonly SkeletonEntry[] {
  const entries = [
    ...directories.map(([path, mode]) => ({ path, kind: 'directory', mode }) as const),
    ...links.map(([path, target]) => ({ path, kind: 'symlink', target }) as const),
    ...systemDirectories(host),
    ...generatedFiles(host),
    ...copiedFiles(host),
    ...hostLinks(host),
    ...certificates(host),
  ];
  return withParents(entries);
}

const directories: readonly (readonly [path: string, mode: number])[] = [
  ['', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['home', 0o755],
  ['media', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['run/lock', 0o1777],
  ['srv', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['var', 0o755],
  ['var/backups', 0o755],
  ['var/cache', 0o755],
  ['var/lib', 0o755],
  ['var/lib/misc', 0o755],
  ['var/local', 0o755],
  ['var/log', 0o755],
  ['var/mail', 0o755],
  ['var/opt', 0o755],
  ['var/spool', 0o755],
  ['var/tmp', 0o1777],
];

const links: readonly (readonly [path: string, target: string])[] = [
  ['etc/mtab', '../proc/self/mounts'],
  ['var/lock', '/run/lock'],
  ['var/run', '/run'],
];

/** hier(7): where programs and libraries may be besides /usr. */
export const systemNames = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'] as const;

/** As on the host: links into /usr, or directories that become overlays of their own. */
function systemDirectories(host: HostFiles): SkeletonEntry[] {
  return systemNames.flatMap((path): SkeletonEntry[] => {
    const target = host.readLink(`/${path}`);
    if (target !== null && isInUsr(`/${path}`, target)) return [{ path, kind: 'symlink', target }];
    return host.isDirectory(`/${path}`) ? [{ path, kind: 'directory', mode: 0o755 }] : [];
  });
}

function isInUsr(path: string, target: string): boolean {
  const resolved = linkTarget(path, target);
  return (
    resolved.startsWith('/usr/') || systemNames.some((name) => resolved.startsWith(`/${name}/`))
  );
}

function generatedFiles(host: HostFiles): SkeletonEntry[] {
  return [
    file('etc/passwd', passwd(text(host.readPublic('/etc/passwd')))),
    file('etc/group', group(text(host.readPublic('/etc/group')))),
    file('etc/nsswitch.conf', nsswitch),
    // Mounted over by the engine; they exist so that a read-only root has something to mount on.
    file('etc/hostname', ''),
    file('etc/hosts', ''),
    file('etc/resolv.conf', ''),
  ];
}

/** Only sources that need no daemon of the host: nsswitch.conf(5). */
const nsswitch = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
rpc: files
`;

/** login.defs(5) SYS_UID_MAX: from here on they are people. */
const firstPerson = 1000;
const nobody = 65_534;

function isSystem(id: string | undefined): boolean {
  const number = Number(id);
  return /^[0-9]+$/.test(id ?? '') && (number < firstPerson || number === nobody);
}

/** Names and numbers; no real names, no homes, no shells. */
function passwd(host: string): string {
  const lines = host
    .split('\n')
    .map((line) => line.split(':'))
    .filter(
      ([name = '', , uid, gid]) =>
        isName(name) && name !== 'root' && isSystem(uid) && isSystem(gid),
    )
    .map(
      ([name, , uid, gid]) =>
        `${name ?? ''}:x:${uid ?? ''}:${gid ?? ''}::/nonexistent:/usr/sbin/nologin`,
    );
  const known = lines.some((line) => line.startsWith('nobody:'));
  if (!known) lines.push(`nobody:x:${nobody}:${nobody}::/nonexistent:/usr/sbin/nologin`);
  return ['root:x:0:0:root:/root:/bin/sh', ...lines, ''].join('\n');
}

/** Names and numbers; no members. */
function group(host: string): string {
  const lines = host
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '', , gid]) => isName(name) && name !== 'root' && isSystem(gid))
    .map(([name, , gid]) => `${name ?? ''}:x:${gid ?? ''}:`);
  if (!lines.some((line) => line.endsWith(`:${nobody}:`))) lines.push(`nogroup:x:${nobody}:`);
  return ['root:x:0:', ...lines, ''].join('\n');
}

function isName(name: string): boolean {
  return /^[a-z_][a-z0-9_.-]*\$?$/i.test(name);
}

/** Files as they are on the host. */
const copied: readonly string[] = [
  'etc/debian_version',
  'etc/gai.conf',
  'etc/host.conf',
  'etc/ld.so.cache',
  'etc/ld.so.conf',
  'etc/locale.alias',
  'etc/mime.types',
  'etc/networks',
  'etc/protocols',
  'etc/rpc',
  'etc/services',
  'etc/shells',
  'etc/ssl/cert.pem',
  'etc/ssl/openssl.cnf',
  'etc/timezone',
];

/** musl's loader reads its path from a file named after the processor: ld-musl-x86_64.path. */
function copiedFiles(host: HostFiles): SkeletonEntry[] {
  const musl = host.list('/etc').filter((name) => /^ld-musl-.*\.path$/.test(name));
  const loader = host.list('/etc/ld.so.conf.d').filter((name) => name.endsWith('.conf'));
  const paths = [
    ...copied,
    ...musl.map((name) => `etc/${name}`),
    ...loader.map((name) => `etc/ld.so.conf.d/${name}`),
  ];
  return paths.flatMap((path) => copy(host, path));
}

function copy(host: HostFiles, path: string): SkeletonEntry[] {
  const content = host.readPublic(`/${path}`);
  return content === null ? [] : [{ path, kind: 'file', content }];
}

/** Links that lead into /usr, by their text; others would lead nowhere in the image. */
function hostLinks(host: HostFiles): SkeletonEntry[] {
  const alternatives = host.list('/etc/alternatives').map((name) => `etc/alternatives/${name}`);
  const release = copyLink(host, 'etc/os-release');
  return [
    ...alternatives.flatMap((path) => copyLink(host, path)),
    ...copyLink(host, 'etc/localtime'),
    ...(release.length > 0 ? release : copy(host, 'etc/os-release')),
  ];
}

function copyLink(host: HostFiles, path: string): SkeletonEntry[] {
  const target = host.readLink(`/${path}`);
  if (target === null || !isInUsr(`/${path}`, target)) return [];
  return [{ path, kind: 'symlink', target }];
}

/** Where OpenSSL, GnuTLS, Go and Node look on Debian, Fedora, openSUSE, Arch and Alpine. */
const certificatePlaces: readonly string[] = [
  'etc/ssl/certs',
  'etc/pki/tls/certs',
  'etc/pki/ca-trust/extracted/pem',
  'etc/pki/ca-trust/extracted/openssl',
  'etc/ca-certificates/extracted',
];

/** Certificates are public; a private key that somebody has put beside them is left out by `readPublic`. */
function certificates(host: HostFiles): SkeletonEntry[] {
  return certificatePlaces.flatMap((place) =>
    host.list(`/${place}`).flatMap((name): SkeletonEntry[] => {
      const path = `${place}/${name}`;
      const target = host.readLink(`/${path}`);
      if (target === null) return copy(host, path);
      const resolved = linkTarget(`/${path}`, target);
      const isNear = posix.dirname(resolved) === `/${place}` || resolved.startsWith('/usr/');
      return isNear ? [{ path, kind: 'symlink', target }] : copy(host, path);
    }),
  );
}

/** Adds the directories that entries lie in, drops what is there twice, sorts. */
function withParents(entries: readonly SkeletonEntry[]): readonly SkeletonEntry[] {
  const byPath = new Map<string, SkeletonEntry>();
  for (const entry of entries) byPath.set(entry.path, entry);
  for (const { path } of entries)
    for (let at = posix.dirname(path); at !== '.'; at = posix.dirname(at))
      if (!byPath.has(at)) byPath.set(at, { path: at, kind: 'directory', mode: 0o755 });
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function file(path: string, content: string): SkeletonEntry {
  return { path, kind: 'file', content: Buffer.from(content) };
}

function text(bytes: Buffer | null): string {
  return bytes?.toString() ?? '';
}

/** What the tree depends on; certificates and alternatives change by replacing files, which changes the directory. */
export function skeletonInputs(host: HostFiles): readonly string[] {
  const loader = host.list('/etc/ld.so.conf.d').map((name) => `/etc/ld.so.conf.d/${name}`);
  return [
    ...systemNames.map((name) => `/${name}`),
    '/etc/passwd',
    '/etc/group',
    '/etc/os-release',
    '/etc/localtime',
    '/etc/alternatives',
    '/etc/ld.so.conf.d',
    ...loader,
    ...copied.map((path) => `/${path}`),
    ...certificatePlaces.map((path) => `/${path}`),
    '/etc/ssl/certs/ca-certificates.crt',
  ];
}
