/** What a container uses and may use: pause, limits, statistics, processes. */
import { compareApiVersions } from '../../api/index.ts';
import type {
  ContainerStats,
  ContainerTop,
  ContainerUpdated,
  ContainerUpdateRequest,
} from '../../api/index.ts';
import {
  json,
  noContent,
  stream,
  type Reply,
  type Route,
  type RouteRequest,
} from '../server/index.ts';
import { containerUpdateRequest } from './container-decoder.ts';

export interface ContainerResourceBackend {
  pause(ref: string, abort: AbortSignal): Promise<void>;
  unpause(ref: string): Promise<void>;
  /** Returns warnings. */
  update(ref: string, request: ContainerUpdateRequest): Promise<readonly string[]>;
  /** Rejects for a container that is not there; the samples end with it, or when `abort` fires. */
  stats(
    ref: string,
    options: { readonly stream: boolean; readonly oneShot: boolean },
    abort: AbortSignal,
  ): Promise<AsyncIterable<ContainerStats>>;
  /** `psArguments` empty: the full format of every process. */
  top(ref: string, psArguments: string): Promise<ContainerTop>;
}

export function containerResourceRoutes(containers: ContainerResourceBackend): readonly Route[] {
  const at = (method: Route['method'], verb: string, handle: Route['handle']): Route => ({
    method,
    path: `/containers/{id}/${verb}`,
    handle,
  });
  return [
    at('POST', 'pause', async ({ parameter, abort }) => {
      await containers.pause(parameter('id'), abort);
      return noContent();
    }),
    at('POST', 'unpause', async ({ parameter }) => {
      await containers.unpause(parameter('id'));
      return noContent();
    }),
    at('POST', 'update', async ({ parameter, json: readBody }) => {
      const warnings = await containers.update(
        parameter('id'),
        await readBody(containerUpdateRequest),
      );
      const updated: ContainerUpdated = { Warnings: warnings.length > 0 ? warnings : null };
      return json(updated);
    }),
    at('GET', 'stats', (request) => streamStats(containers, request)),
    at('GET', 'top', async ({ parameter, query }) =>
      json(await containers.top(parameter('id'), query.text('ps_args') ?? '')),
    ),
  ];
}

async function streamStats(
  containers: ContainerResourceBackend,
  { parameter, query, version, abort }: RouteRequest,
): Promise<Reply> {
  const isStream = query.text('stream') === null || query.flag('stream');
  // Older engines know no one-shot, and their clients count on two samples.
  const mayBeOneShot = compareApiVersions(version, { major: 1, minor: 41 }) >= 0;
  const options = { stream: isStream, oneShot: mayBeOneShot && query.flag('one-shot') };
  const samples = await containers.stats(parameter('id'), options, abort);
  return stream('application/json', lines(samples));
}

async function* lines(samples: AsyncIterable<ContainerStats>): AsyncGenerator<string> {
  for await (const sample of samples) yield `${JSON.stringify(sample)}\n`;
}
