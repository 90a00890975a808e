/** Requests to one registry: the scheme it speaks, proxies, redirects, authorization, and again after a failure. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { RegistryAddress } from './address.ts';
import { Authorization } from './authorization.ts';
import type { FindCredentials } from './credentials.ts';
import { RegistryError, shownUrl } from './errors.ts';
import {
  type Answer,
  discard,
  exchange,
  type Exchange,
  type Timeouts,
  tlsOptions,
  type TlsSettings,
} from './exchange.ts';
import { type Environment, proxyFor } from './proxy.ts';
import { failureOf } from './failure.ts';
import { type RetryPolicy, withRetry } from './retry.ts';
import { openTunnel } from './tunnel.ts';

export interface TransportOptions {
  readonly address: RegistryAddress;
  readonly credentials: FindCredentials;
  readonly tls: TlsSettings;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  /** For HTTPS_PROXY and its relatives. */
  readonly env: Environment;
  readonly now: () => number;
}

export interface RegistryCall {
  readonly method: 'GET' | 'HEAD';
  /** Below the registry's root: `/v2/library/redis/manifests/7`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly scope: string;
  /** What is asked for, in messages: `manifest "7" of docker.io/library/redis`. */
  readonly what: string;
  readonly accepted: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

const maxRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export class Transport {
  readonly #options: TransportOptions;
  readonly #authorization: Authorization;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 8 });
  readonly #https: HttpsAgent;
  /** Found with the first answer. */
  #scheme: 'https' | 'http' | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { address, credentials, now, tls } = options;
    this.#https = new HttpsAgent({ keepAlive: true, maxSockets: 8, ...tlsOptions(tls) });
    this.#authorization = new Authorization({
      domain: address.domain,
      isInsecure: address.isInsecure,
      credentials,
      now,
      send: (call) => this.#send(call),
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** An answer with one of the accepted statuses; anything else is thrown. Its body is still to be read. */
  async call(call: RegistryCall): Promise<Answer> {
    const { retry } = this.#options;
    return withRetry(() => this.once(call), { policy: retry, signal: call.signal });
  }

  /** As call, but only once: for whoever repeats more than the request. */
  async once(call: RegistryCall): Promise<Answer> {
    const answer = await this.#authorized(call);
    if (call.accepted.includes(answer.status)) return answer;
    throw await failureOf(answer, {
      what: call.what,
      domain: this.#options.address.domain,
      nowMs: this.#options.now(),
    });
  }

  async #authorized(call: RegistryCall): Promise<Answer> {
    const { scope, signal } = call;
    const known = this.#authorization.known(scope);
    const first = await this.#follow(call, known);
    if (first.status !== 401) return first;
    const header = first.headers['www-authenticate'];
    if (header === undefined) return first;
    discard(first);
    if (known !== undefined) this.#authorization.forget(scope);
    const shown = await this.#authorization.meet({ header, scope, signal });
    if (shown === null) return first;
    const second = await this.#follow(call, shown);
    if (second.status === 401) this.#authorization.forget(scope);
    return second;
  }

  /** Authorization is for the registry alone: where it sends us to (a storage service) gets none. */
  async #follow(call: RegistryCall, authorization: string | undefined): Promise<Answer> {
    const { method, headers = {}, signal } = call;
    const own = authorization === undefined ? {} : { Authorization: authorization };
    let answer = await this.#first({ method, headers: { ...headers, ...own }, signal }, call.path);
    const origin = answer.url.origin;
    const seen = new Set([answer.url.href]);
    while (redirects.has(answer.status)) {
      discard(answer);
      const url = this.#target(answer, seen);
      const isSame = url.origin === origin;
      answer = await this.#send({
        method,
        url,
        headers: isSame ? { ...headers, ...own } : headers,
        signal,
      });
      // A storage service's demand for credentials is not the registry's: it must not be met with them.
      if (answer.status === 401 && !isSame) {
        discard(answer);
        throw new RegistryError('denied', `${url.host} refuses what ${origin} has sent us for`, {
          status: 401,
        });
      }
    }
    return answer;
  }

  #target({ headers, url, status }: Answer, seen: Set<string>): URL {
    const { location } = headers;
    const fail = (why: string): RegistryError =>
      new RegistryError('redirect', `${url.host} redirects ${why}`, { status });
    if (location === undefined || !URL.canParse(location, url.href)) throw fail('to nowhere');
    const target = new URL(location, url);
    if (!['http:', 'https:'].includes(target.protocol)) throw fail(`to ${target.protocol}`);
    if (url.protocol === 'https:' && target.protocol === 'http:') {
      throw fail(`from an encrypted to an open address, ${shownUrl(target)}`);
    }
    if (target.username !== '' || target.password !== '') throw fail('with a password');
    if (seen.has(target.href)) throw fail('in a circle');
    seen.add(target.href);
    if (seen.size > maxRedirects + 1) throw fail(`more than ${maxRedirects} times`);
    return target;
  }

  /** https, then, for a registry that may do without it, http. */
  async #first(call: Omit<Exchange, 'url'>, path: string): Promise<Answer> {
    const { host, isInsecure } = this.#options.address;
    const at = (scheme: string): Exchange => ({
      ...call,
      url: new URL(`${scheme}://${host}${path}`),
    });
    if (this.#scheme !== undefined) return this.#send(at(this.#scheme));
    try {
      const answer = await this.#send(at('https'));
      this.#scheme = 'https';
      return answer;
    } catch (error) {
      if (!isInsecure || !mayBePlain(error)) throw error;
    }
    // Credentials that were meant for an encrypted connection stay with it: none is known before the first answer.
    const answer = await this.#send(at('http'));
    this.#scheme = 'http';
    return answer;
  }

  async #send(call: Exchange): Promise<Answer> {
    const { env, timeouts, tls, address } = this.#options;
    const { url, signal } = call;
    const proxy = proxyFor(url, env);
    // What a registry demands of certificates holds for it, not for where it sends us to.
    const own = url.host === address.host ? tls : {};
    if (proxy === null) {
      const https = url.host === address.host ? this.#https : undefined;
      const agent = url.protocol === 'https:' ? https : this.#http;
      return exchange(call, { tls: own, timeouts, agent });
    }
    if (url.protocol === 'http:') {
      return exchange(call, { tls: own, timeouts, forward: proxy, agent: false });
    }
    const tunnel = await openTunnel({ proxy, target: url, tls: own, timeouts, signal });
    return exchange(call, { tls: own, timeouts, tunnel });
  }
}

function mayBePlain(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === 'tls' || error.code === 'unreachable');
}
