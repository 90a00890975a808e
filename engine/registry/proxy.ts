/** Which proxy the environment names for an address. */
import { isIP } from 'node:net';
import { RegistryError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * HTTPS_PROXY and HTTP_PROXY by the address' scheme, except for what NO_PROXY lists and this machine itself. Only lower
 * case `http_proxy` counts where a CGI program could have got the other from a request header ("httpoxy").
 */
export function proxyFor(url: URL, env: Environment): URL | null {
  if (isLoopback(url.hostname) || isExcluded(url, variable(env, 'no_proxy'))) return null;
  const isHttps = url.protocol === 'https:';
  const isCgi = env['REQUEST_METHOD'] !== undefined;
  const text = isHttps
    ? variable(env, 'https_proxy')
    : isCgi
      ? (env['http_proxy'] ?? '')
      : variable(env, 'http_proxy');
  if (text === '') return null;
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(full) ? new URL(full) : null;
  if (proxy === null || !['http:', 'https:'].includes(proxy.protocol)) {
    const name = `${isHttps ? 'HTTPS' : 'HTTP'}_PROXY`;
    throw new RegistryError(
      'unsupported',
      `${name} names a proxy that is neither http:// nor https://`,
      { hint: `set ${name} to an HTTP proxy, or list ${url.hostname} in NO_PROXY` },
    );
  }
  return proxy;
}

function variable(env: Environment, name: string): string {
  return env[name] ?? env[name.toUpperCase()] ?? '';
}

export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host.endsWith('.localhost') || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** `*`, `example.com` (and below), `.example.com` (only below), each with an optional port, addresses and IPv4 blocks. */
function isExcluded(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', wanted] = /^(\[[0-9a-f:.]+\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? [
        entry,
        entry,
      ];
      if (name === '' || (wanted !== undefined && wanted !== port)) return false;
      return matches(host, name.replace(/^\[|\]$/g, ''));
    });
}

function matches(host: string, name: string): boolean {
  const [base = '', bits] = name.split('/');
  if (bits !== undefined && /^\d+$/.test(bits)) return isInBlock(host, base, Number(bits));
  if (isIP(host) !== 0) return host === name;
  if (name.startsWith('*.') || name.startsWith('.')) return host.endsWith(name.replace(/^\*/, ''));
  return host === name || host.endsWith(`.${name}`);
}

function isInBlock(host: string, base: string, bits: number): boolean {
  if (isIP(host) !== 4 || isIP(base) !== 4 || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(numberOf(host) / size) === Math.floor(numberOf(base) / size);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
