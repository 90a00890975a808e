/**
 * Letting a registry know who asks (distribution-spec §Authentication, docker's token specification): it is asked
 * without, says in its 401 what it wants, and is asked again with that.
 */
import { parseChallenges, type Challenge } from './challenge.ts';
import type { Credentials, FindCredentials } from './credentials.ts';
import { RegistryError, shownUrl } from './errors.ts';
import { type Answer, type Exchange, readBody } from './exchange.ts';

export interface AuthorizationOptions {
  readonly domain: string;
  /** True where the registry itself may be reached without encryption. */
  readonly isInsecure: boolean;
  readonly credentials: FindCredentials;
  /** Sends without authorization and without following redirects. */
  readonly send: (call: Exchange) => Promise<Answer>;
  readonly now: () => number;
}

interface Token {
  readonly value: string;
  readonly expiresMs: number;
}

/** What an answer with status 401 asks for. */
export interface Demand {
  readonly header: string;
  /** `repository:library/redis:pull`: what is tried, where the registry does not say it itself. */
  readonly scope: string;
  readonly signal?: AbortSignal | undefined;
}

const tokenLimitBytes = 256 * 1024;
const leastTokenMs = 60_000;
/** Clocks differ, and a token must also last until the request has arrived. */
const marginMs = 10_000;

/** Knows how to get into one registry, and remembers its tokens by scope. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #pending = new Map<string, Promise<string>>();
  #credentials: Promise<Credentials | null> | undefined;
  #basic: string | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** What is known to work for a scope, or undefined: ask without. */
  known(scope: string): string | undefined {
    const token = this.#tokens.get(scope);
    if (token !== undefined && token.expiresMs > this.#options.now())
      return `Bearer ${token.value}`;
    this.#tokens.delete(scope);
    return this.#basic;
  }

  /** What did not work is not tried again. */
  forget(scope: string): void {
    this.#tokens.delete(scope);
    this.#basic = undefined;
  }

  /** The header that meets the demand, or null when there is nothing to show. */
  async meet(demand: Demand): Promise<string | null> {
    const challenges = parseChallenges(demand.header);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#bearer(bearer, demand);
    if (challenges.some(({ scheme }) => scheme === 'basic')) return this.#basicHeader();
    throw new RegistryError(
      'unsupported',
      `${this.#options.domain} asks for a kind of authentication that is not known`,
      { status: 401 },
    );
  }

  async #basicHeader(): Promise<string | null> {
    const found = await this.#find();
    if (found?.kind !== 'password') return null;
    this.#basic = basicHeader(found.username, found.password);
    return this.#basic;
  }

  #find(): Promise<Credentials | null> {
    this.#credentials ??= this.#options.credentials(this.#options.domain);
    return this.#credentials.catch((error: unknown) => {
      this.#credentials = undefined;
      throw error;
    });
  }

  /** Layers are fetched side by side: they share one question for a token. */
  async #bearer(challenge: Challenge, { scope, signal }: Demand): Promise<string> {
    let asked = this.#pending.get(scope);
    if (asked === undefined) {
      asked = this.#askToken(challenge, scope).finally(() => {
        this.#pending.delete(scope);
      });
      this.#pending.set(scope, asked);
    }
    return abortable(asked, signal);
  }

  async #askToken(challenge: Challenge, scope: string): Promise<string> {
    const found = await this.#find();
    if (found?.kind === 'registry-token') return `Bearer ${found.token}`;
    const realm = this.#realm(challenge);
    const wanted = challenge.parameters.get('scope') ?? scope;
    const service = challenge.parameters.get('service') ?? '';
    const call =
      found?.kind === 'identity-token'
        ? refreshCall(realm, { service, scope: wanted, token: found.token })
        : tokenCall(realm, { service, scope: wanted, credentials: found });
    const answer = await this.#options.send(call);
    const body = await readBody(answer, tokenLimitBytes);
    if (answer.status !== 200) throw this.#refusal(answer, found !== null);
    const token = tokenIn(body, { realm, nowMs: this.#options.now() });
    this.#tokens.set(scope, token);
    return `Bearer ${token.value}`;
  }

  /** Credentials go to it, so it must be as safe as the registry itself. */
  #realm(challenge: Challenge): URL {
    const { domain, isInsecure } = this.#options;
    const text = challenge.parameters.get('realm') ?? '';
    const realm = URL.canParse(text) ? new URL(text) : null;
    if (realm === null || !['http:', 'https:'].includes(realm.protocol)) {
      throw new RegistryError('malformed', `${domain} does not say where to get a token`);
    }
    if (realm.protocol === 'http:' && !isInsecure) {
      throw new RegistryError(
        'tls',
        `${domain} wants a token from ${shownUrl(realm)}, which is not encrypted`,
      );
    }
    if (realm.username !== '' || realm.password !== '') {
      throw new RegistryError('malformed', `${domain} names a token server with a password in it`);
    }
    return realm;
  }

  #refusal({ status }: Answer, hasCredentials: boolean): RegistryError {
    const { domain } = this.#options;
    if (status === 401 || status === 403 || status === 400) {
      return new RegistryError(
        'unauthorized',
        hasCredentials
          ? `${domain} does not accept the stored credentials`
          : `${domain} lets nobody in without credentials`,
        { status, hint: `run \`docker login ${domain}\`` },
      );
    }
    const code = status === 429 ? 'rate-limited' : status >= 500 ? 'server' : 'malformed';
    return new RegistryError(code, `the token server of ${domain} answers with status ${status}`, {
      status,
    });
  }
}

/** One waiter may give up while the others go on. */
async function abortable<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  signal.throwIfAborted();
  const aborted = new AbortController();
  try {
    return await Promise.race([
      shared,
      new Promise<never>((_, reject) => {
        const onAbort = (): void => {
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', onAbort, { once: true, signal: aborted.signal });
      }),
    ]);
  } finally {
    aborted.abort();
  }
}

export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

interface TokenQuestion {
  readonly service: string;
  readonly scope: string;
  readonly credentials: Credentials | null;
}

function tokenCall(realm: URL, { service, scope, credentials }: TokenQuestion): Exchange {
  const url = new URL(realm);
  if (service !== '') url.searchParams.set('service', service);
  for (const one of scope.split(' ').filter(Boolean)) url.searchParams.append('scope', one);
  if (credentials?.kind !== 'password') return { method: 'GET', url };
  const { username, password } = credentials;
  url.searchParams.set('account', username);
  return { method: 'GET', url, headers: { Authorization: basicHeader(username, password) } };
}

/** OAuth 2.0 refresh (RFC 6749 §6), as docker's token servers take it. */
function refreshCall(
  realm: URL,
  { service, scope, token }: { service: string; scope: string; token: string },
): Exchange {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service,
    client_id: 'tscompose',
    scope,
    refresh_token: token,
  });
  return {
    method: 'POST',
    url: realm,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  };
}

function tokenIn(body: Buffer, { realm, nowMs }: { realm: URL; nowMs: number }): Token {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    value = null;
  }
  const answer = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const token = [answer['token'], answer['access_token']].find(
    (text) => typeof text === 'string' && /^[\x21-\x7e]+$/.test(text),
  );
  if (typeof token !== 'string') {
    throw new RegistryError('malformed', `${realm.host} gives no token in its answer`);
  }
  const seconds = answer['expires_in'];
  const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : leastTokenMs;
  return { value: token, expiresMs: nowMs + Math.max(lifeMs, leastTokenMs) - marginMs };
}
