import { EngineError } from '../api/index.ts';

/** Where an engine listens. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly isTls: boolean }
  | {
      readonly kind: 'ssh';
      readonly user: string | null;
      readonly host: string;
      readonly port: number | null;
      /** Of the socket on the far side; null: that machine's own default. */
      readonly path: string | null;
    };

const plainPort = 2375;
const tlsPort = 2376;

/** Reads what DOCKER_HOST and `--host` hold. Throws EngineError `invalid-argument`. */
export function parseAddress(text: string): EngineAddress {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  const rest = text.slice((scheme?.length ?? -3) + 3);
  switch (scheme) {
    case 'unix':
      if (!rest.startsWith('/')) throw invalid(text, 'the socket path must be absolute');
      return { kind: 'unix', path: rest };
    case 'tcp':
    case 'http':
      return parseTcp(text, { isTls: false });
    case 'https':
      return parseTcp(text, { isTls: true });
    case 'ssh':
      return parseSsh(text);
    case undefined:
    default:
      throw invalid(text, 'expected unix://, tcp://, https:// or ssh://');
  }
}

export function formatAddress(address: EngineAddress): string {
  switch (address.kind) {
    case 'unix':
      return `unix://${address.path}`;
    case 'tcp':
      return `${address.isTls ? 'https' : 'tcp'}://${address.host}:${address.port}`;
    case 'ssh': {
      const user = address.user === null ? '' : `${address.user}@`;
      const port = address.port === null ? '' : `:${address.port}`;
      return `ssh://${user}${address.host}${port}${address.path ?? ''}`;
    }
  }
}

interface Authority {
  readonly user: string | null;
  readonly host: string;
  readonly port: number | null;
  readonly path: string | null;
}

function parseTcp(text: string, { isTls }: { readonly isTls: boolean }): EngineAddress {
  const { user, host, port, path } = parseAuthority(text);
  if (path !== null) throw invalid(text, 'it must not have a path');
  if (user !== null) throw invalid(text, 'it must not have a user');
  const fallback = isTls ? tlsPort : plainPort;
  return { kind: 'tcp', host: host === '' ? '127.0.0.1' : host, port: port ?? fallback, isTls };
}

function parseSsh(text: string): EngineAddress {
  const authority = parseAuthority(text);
  if (authority.host === '') throw invalid(text, 'it must have a host');
  return { kind: 'ssh', ...authority };
}

const authorityPattern =
  /^[a-z]+:\/\/(?:([\w.-]+)@)?(\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::(\d{1,5}))?(?:\/(.*))?$/;

/** No part of the text is repeated in the message: it may hold a password. */
function parseAuthority(text: string): Authority {
  const match = authorityPattern.exec(text);
  const port = match?.[3] === undefined ? null : Number(match[3]);
  if (match === null || (port !== null && port > 65535)) {
    throw new EngineError('invalid-argument', 'invalid engine address: malformed host or port');
  }
  const [, user, host = '', , rest = ''] = match;
  return { user: user ?? null, host, port, path: rest === '' ? null : `/${rest}` };
}

function invalid(text: string, why: string): EngineError {
  return new EngineError('invalid-argument', `invalid engine address "${text}": ${why}`);
}
