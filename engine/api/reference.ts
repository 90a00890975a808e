/**
 * Image references after the grammar of distribution/reference: `[domain[:port]/]path[:tag][@digest]`. A reference is
 * familiar as people write it (`redis`), and canonical with what is implied (`docker.io/library/redis:latest`).
 */
import { EngineError } from './errors.ts';

export interface ImageReference {
  readonly domain: string;
  /** Path below the domain: `library/redis`. */
  readonly path: string;
  readonly tag: string | null;
  /** `sha256:…` */
  readonly digest: string | null;
}

export const defaultDomain = 'docker.io';
const defaultNamespace = 'library';
export const defaultTag = 'latest';

const longestName = 255;
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domainPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,}$/;
const idPattern = /^[0-9a-f]{64}$/;

/** Throws EngineError `invalid-argument`. The implied domain and namespace are filled in, the tag is not. */
export function parseReference(text: string): ImageReference {
  const invalid = (why: string): EngineError =>
    new EngineError('invalid-argument', `invalid reference "${text}": ${why}`);
  const [named, digest] = splitDigest(text);
  if (digest !== null && !digestPattern.test(digest)) throw invalid('malformed digest');
  const [name, tag] = splitTag(named);
  if (tag !== null && !tagPattern.test(tag)) throw invalid('malformed tag');
  if (name.length > longestName) throw invalid('longer than 255 characters');
  // It would be read as an image id everywhere else.
  if (idPattern.test(name)) throw invalid('64 hexadecimal digits are an id, not a name');
  const [domain, rest] = splitDomain(name);
  const path =
    domain === defaultDomain && !rest.includes('/') ? `${defaultNamespace}/${rest}` : rest;
  if (!domainPattern.test(domain)) throw invalid('malformed registry address');
  if (/[A-Z]/.test(path)) throw invalid('the repository name must be lower case');
  if (!pathPattern.test(path)) throw invalid('malformed repository name');
  return { domain, path, tag, digest };
}

/** With `latest` where neither tag nor digest says which. */
export function withDefaultTag(reference: ImageReference): ImageReference {
  if (reference.tag !== null || reference.digest !== null) return reference;
  return { ...reference, tag: defaultTag };
}

/** `docker.io/library/redis:7@sha256:…`: one spelling per image, for comparing and storing. */
export function canonicalReference(reference: ImageReference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** As Docker shows it: without `docker.io/library/`. */
export function familiarReference(reference: ImageReference): string {
  return `${familiarName(reference)}${suffix(reference)}`;
}

/** The repository as Docker shows it. */
export function familiarName({ domain, path }: ImageReference): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const prefix = `${defaultNamespace}/`;
  const short = path.slice(prefix.length);
  return path.startsWith(prefix) && !short.includes('/') ? short : path;
}

function suffix({ tag, digest }: ImageReference): string {
  return (tag === null ? '' : `:${tag}`) + (digest === null ? '' : `@${digest}`);
}

function splitDigest(text: string): [string, string | null] {
  const at = text.indexOf('@');
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

/** A colon before the last slash is a port. */
function splitTag(text: string): [string, string | null] {
  const at = text.lastIndexOf(':');
  if (at < 0 || text.indexOf('/', at) >= 0) return [text, null];
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The first component is a registry if it cannot be a namespace: a dot, a port, `localhost`, or upper case. */
function splitDomain(name: string): [string, string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (slash < 0 || !isDomain) return [defaultDomain, name];
  const domain = first === 'index.docker.io' ? defaultDomain : first;
  return [domain, name.slice(slash + 1)];
}
