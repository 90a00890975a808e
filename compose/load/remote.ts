/** References to compose files that are elsewhere: in git repositories and in OCI registries. Grammar only; the Host fetches. */
import { posix } from 'node:path';
import type { Host } from '../host.ts';

export interface GitReference {
  readonly kind: 'git';
  /** As git takes it: without the fragment. It may hold a password. */
  readonly remote: string;
  /** Branch, tag or commit; null is the default branch. */
  readonly ref: string | null;
  /** The commit that `ref` must be, where the reference insists on one. */
  readonly commit: string | null;
  /** Normalized, below the root of the repository; null is the root. */
  readonly subdir: string | null;
}

export interface OciReference {
  readonly kind: 'oci';
  /** The image reference, not yet looked at. */
  readonly image: string;
}

export interface InvalidReference {
  readonly kind: 'invalid';
  readonly reason: string;
  readonly hint?: string;
}

export type RemoteReference = GitReference | OciReference | InvalidReference;

const ociPrefix = 'oci://';
const githubPrefix = 'github.com/';
const schemePattern = /^([a-zA-Z0-9]+):\/\//;
const gitSchemes: readonly string[] = ['https', 'http', 'ssh', 'git'];
/** user@host:path, as scp(1) and git take it. */
const scpPattern = /^([a-zA-Z0-9_-]+)@([a-zA-Z0-9.-]+):([^?#]*)(?:#(.*))?$/;

/** null: a path on this machine. */
export function parseRemote(text: string): RemoteReference | null {
  const scheme = schemePattern.exec(text)?.[1]?.toLowerCase();
  const isRemote = scheme !== undefined || text.startsWith(githubPrefix) || scpPattern.test(text);
  if (!isRemote) return null;
  // Nothing that a terminal, a shell or git would read as more than one word.
  if (/[\p{Cc}\s\\]/u.test(text))
    return invalid('it contains white space, a backslash or a control character');
  if (text.length > 2048) return invalid('it is longer than 2048 characters');
  if (text.startsWith(ociPrefix)) return ociReference(text.slice(ociPrefix.length));
  if (text.startsWith(githubPrefix)) return fromUrl(`https://${text}`, true);
  const scp = scpPattern.exec(text);
  if (scheme === undefined && scp !== null) return fromScp(scp);
  if (scheme === undefined || !gitSchemes.includes(scheme)) {
    return invalid(
      `"${scheme ?? ''}://" is not a way to get a compose file`,
      'use https://, ssh:// or git:// for a git repository, or oci:// for an artifact',
    );
  }
  return fromUrl(text);
}

/** As messages may show it: a password in it is nobody's business. */
export function shownReference(text: string): string {
  return text.replace(/^([a-zA-Z0-9]+:\/\/)[^/?#]*@/, '$1');
}

function ociReference(image: string): RemoteReference {
  if (image === '') return invalid('the name of the artifact is missing');
  return { kind: 'oci', image };
}

function fromUrl(text: string, isShorthand = false): RemoteReference {
  const hash = text.indexOf('#');
  const address = hash === -1 ? text : text.slice(0, hash);
  const fragment = hash === -1 ? '' : text.slice(hash + 1);
  if (!URL.canParse(address)) return invalid('it is no valid address');
  const url = new URL(address);
  const host = optionLike(url.hostname) ?? optionLike(decodeURIComponentSafely(url.username));
  if (host !== null) return host;
  if (url.hostname === '') return invalid('the name of the host is missing');
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  if (isWeb && !isShorthand && !url.pathname.endsWith('.git')) {
    return invalid(
      'the address of a git repository ends in ".git"',
      'to use a single file from the web, download it and name it with -f',
    );
  }
  return withFragment(address, fragment);
}

/** `-oProxyCommand=…` as a host or user would be an option of ssh (CVE-2017-1000117). */
function optionLike(text: string): InvalidReference | null {
  return text.startsWith('-') ? invalid(`"${text}" looks like an option`) : null;
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}

function fromScp(match: RegExpExecArray): RemoteReference {
  const [, user = '', host = '', path = '', fragment = ''] = match;
  const bad = optionLike(user) ?? optionLike(host) ?? optionLike(path);
  if (bad !== null) return bad;
  if (path === '') return invalid('the path of the repository is missing');
  return withFragment(`${user}@${host}:${path}`, fragment);
}

/** `#ref:subdir`, or `##ref=…,commit=…,subdir=…`. */
function withFragment(remote: string, fragment: string): RemoteReference {
  const parts = fragment.startsWith('#') ? csvParts(fragment.slice(1)) : plainParts(fragment);
  if ('kind' in parts) return parts;
  const { ref, commit, subdir } = parts;
  const wanted = ref === '' ? commit : ref;
  const badRef = wanted === '' ? null : refProblem(wanted);
  if (badRef !== null)
    return invalid(`"${wanted}" is no name of a branch, tag or commit: ${badRef}`);
  if (commit !== '' && !/^[0-9a-f]{40}$/.test(commit)) {
    return invalid(`"${commit}" is no full commit id`, 'write all 40 hexadecimal digits');
  }
  const directory = subdirOf(subdir);
  if (typeof directory === 'object' && directory !== null) return directory;
  return {
    kind: 'git',
    remote,
    ref: wanted === '' ? null : wanted,
    commit: commit === '' ? null : commit,
    subdir: directory,
  };
}

interface Parts {
  readonly ref: string;
  readonly commit: string;
  readonly subdir: string;
}

function plainParts(fragment: string): Parts {
  const colon = fragment.indexOf(':');
  if (colon === -1) return { ref: fragment, commit: '', subdir: '' };
  return { ref: fragment.slice(0, colon), commit: '', subdir: fragment.slice(colon + 1) };
}

function csvParts(fragment: string): Parts | InvalidReference {
  const parts = { ref: '', commit: '', subdir: '' };
  for (const field of fragment.split(',').filter(Boolean)) {
    const equals = field.indexOf('=');
    const key = field.slice(0, equals).toLowerCase();
    if (equals === -1 || (key !== 'ref' && key !== 'commit' && key !== 'subdir')) {
      return invalid(`"${field}" is none of ref=…, commit=… and subdir=…`);
    }
    parts[key] = field.slice(equals + 1);
  }
  return parts;
}

/** git-check-ref-format(1), and nothing that could be taken for an option or a range. */
function refProblem(ref: string): string | null {
  if (ref.startsWith('-')) return 'it looks like an option';
  if (/[~^:?*[]|\.\.|@\{|\/\/|^\/|\/$|\.$|\.lock$/.test(ref) || ref === '@') {
    return 'git does not allow such a name';
  }
  return ref.length > 255 ? 'it is longer than 255 characters' : null;
}

function subdirOf(text: string): string | null | InvalidReference {
  if (text === '') return null;
  if (text.includes('\0')) return invalid('the directory contains a NUL');
  if (posix.isAbsolute(text) || /^[a-zA-Z]:/.test(text)) {
    return invalid(`the directory "${text}" must be relative to the root of the repository`);
  }
  const directory = posix.normalize(text).replace(/\/$/, '');
  const steps = directory.split('/');
  if (steps[0] === '..') {
    return invalid(`the directory "${text}" leads out of the repository`);
  }
  if (steps.some((step) => step.toLowerCase() === '.git')) {
    return invalid(`the directory "${text}" is git's own`);
  }
  return directory === '.' ? null : directory;
}

function invalid(reason: string, hint?: string): InvalidReference {
  return { kind: 'invalid', reason, ...(hint !== undefined && { hint }) };
}

/** Where the compose file of a reference is. Texts for messages hide passwords. */
export type Located =
  | { readonly kind: 'local' }
  | { readonly kind: 'file'; readonly file: string; readonly shown: string }
  | { readonly kind: 'failed'; readonly message: string; readonly hint?: string };

/**
 * For every path that may as well be a remote reference. What has not been fetched yet is a failure like others, but the
 * Host has noted that it is wanted: whoever loads fetches it and loads again.
 */
export function locate(text: string, host: Host): Located {
  const reference = parseRemote(text);
  if (reference === null) return { kind: 'local' };
  const shown = shownReference(text);
  const failed = (reason: string, hint?: string): Located => ({
    kind: 'failed',
    message: `"${shown}" cannot be used: ${reason}`,
    ...(hint !== undefined && { hint }),
  });
  if (reference.kind === 'invalid') return failed(reference.reason, reference.hint);
  const read = host.remote?.(text, reference) ?? {
    kind: 'failed',
    reason: 'files elsewhere are not read here',
  };
  if (read.kind === 'fetched') return { kind: 'file', file: read.file, shown };
  if (read.kind === 'failed') return failed(read.reason, read.hint);
  return failed('it has not been fetched');
}
