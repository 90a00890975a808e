/** What a registry answered instead of what was asked for, as an error. */
import { RegistryError, type RegistryErrorCode } from './errors.ts';
import { type Answer, readBody } from './exchange.ts';
import { parseRetryAfter } from './retry.ts';

export interface FailureScope {
  readonly what: string;
  readonly domain: string;
  readonly nowMs: number;
}

const detailLimitBytes = 64 * 1024;

export async function failureOf(answer: Answer, scope: FailureScope): Promise<RegistryError> {
  const { status, headers } = answer;
  const { domain, what, nowMs } = scope;
  const detail = await detailOf(answer);
  const said = detail === '' ? '' : `: ${detail}`;
  const retryAfterMs = parseRetryAfter(headers['retry-after'], nowMs);
  const make = (code: RegistryErrorCode, message: string, hint?: string): RegistryError =>
    new RegistryError(code, message, { status, hint, retryAfterMs });
  switch (true) {
    case status === 401:
      return make(
        'unauthorized',
        `${domain} does not let us read ${what}${said}`,
        `run \`docker login ${domain}\`, and check the spelling: private repositories look like missing ones`,
      );
    case status === 403:
      return make(
        'denied',
        `${domain} denies access to ${what}${said}`,
        `log in as somebody who may read it: \`docker login ${domain}\``,
      );
    case status === 404:
      return make('not-found', `${domain} has no ${what}`, 'check name and tag');
    case status === 429:
      return make('rate-limited', limitText(answer, domain), limitHint(retryAfterMs, domain));
    case status >= 500 || status === 408:
      return make(
        'server',
        `${domain} answers with status ${status}${said}`,
        'the registry has a problem of its own: try again later',
      );
    default:
      return make('malformed', `${domain} answers with unexpected status ${status}${said}`);
  }
}

/** `ratelimit-limit: 100;w=21600` is how Docker Hub tells (docs.docker.com/docker-hub/usage). */
function limitText({ headers }: Answer, domain: string): string {
  const [, count, window] = /^(\d+);w=(\d+)/.exec(String(headers['ratelimit-limit'] ?? '')) ?? [];
  const limit =
    count === undefined || window === undefined
      ? ''
      : ` (${count} requests in ${Math.round(Number(window) / 3600)} hours)`;
  return `${domain} refuses more requests for now${limit}`;
}

function limitHint(retryAfterMs: number | undefined, domain: string): string {
  const wait = retryAfterMs === undefined ? 'wait' : `wait ${Math.ceil(retryAfterMs / 1000)} s`;
  return `${wait}, or run \`docker login ${domain}\`: whoever is logged in may ask more often`;
}

/** `{"errors":[{"code":…,"message":…}]}` (distribution-spec §Error Codes), for a person to read. */
async function detailOf(answer: Answer): Promise<string> {
  let body: Buffer;
  try {
    body = await readBody(answer, detailLimitBytes);
  } catch (error) {
    // The status says enough when the explanation is too long or was cut off.
    if (error instanceof RegistryError) return '';
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return '';
  }
  const errors = (value as { errors?: unknown } | null)?.errors;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const message = (first as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? printable(message).slice(0, 200) : '';
}

/** A registry must not move the cursor of the terminal that shows its words. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
