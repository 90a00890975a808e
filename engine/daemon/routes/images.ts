import {
  EngineError,
  parseReference,
  withDefaultTag,
  type ProgressMessage,
} from '../../api/index.ts';
import { familiarReference } from '../../api/index.ts';
import {
  json,
  stream,
  type Query,
  type Reply,
  type Route,
  type RouteRequest,
} from '../server/index.ts';
import { imageFilterKeys, selectImages } from './image-filters.ts';
import type { ImageBackend } from './images-backend.ts';

export function imageRoutes(images: ImageBackend): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/images/json',
      handle: async ({ query }) => {
        const filters = query.filters(imageFilterKeys);
        const findId = (ref: string): Promise<string | null> => images.findId(ref);
        return json(await selectImages(await images.list(), filters, findId));
      },
    },
    {
      method: 'GET',
      path: '/images/{name+}/json',
      handle: async ({ parameter }) => json(await images.inspect(parameter('name'))),
    },
    { method: 'POST', path: '/images/load', handle: (request) => loadImages(images, request) },
    { method: 'POST', path: '/images/create', handle: (request) => createImage(images, request) },
    {
      method: 'POST',
      path: '/images/{name+}/tag',
      handle: async ({ parameter, query }) => {
        const target = withDefaultTag(parseReference(targetOf(query) ?? ''));
        await images.tag(parameter('name'), familiarReference(target));
        return { kind: 'empty', status: 201 };
      },
    },
    {
      method: 'DELETE',
      path: '/images/{name+}',
      handle: async ({ parameter, query }) => {
        const options = { force: query.flag('force'), noPrune: query.flag('noprune') };
        return json(await images.remove(parameter('name'), options));
      },
    },
  ];
}

async function loadImages(images: ImageBackend, { body, abort }: RouteRequest): Promise<Reply> {
  const loaded = await images.load(body, abort);
  return progress(
    loaded.map((name) => {
      const label = name.startsWith('sha256:') ? 'Loaded image ID' : 'Loaded image';
      return { stream: `${label}: ${name}\n` };
    }),
  );
}

/** Pull and import share an endpoint: what is imported has a source. */
function createImage(images: ImageBackend, request: RouteRequest): Promise<Reply> {
  const { query } = request;
  const source = query.text('fromSrc');
  if (source !== null) return importImage(images, request, source);
  const image = query.text('fromImage');
  if (image === null) {
    throw new EngineError('invalid-argument', 'neither fromImage nor fromSrc names a source');
  }
  return pullImage(images, withTag(image, query.text('tag')));
}

async function importImage(
  images: ImageBackend,
  { query, body, abort }: RouteRequest,
  source: string,
): Promise<Reply> {
  if (source !== '-') {
    throw new EngineError('not-implemented', `cannot import from "${source}": only from a file`, {
      hint: 'download it, and import the file',
    });
  }
  const target = targetOf(query);
  const options = {
    reference: target === null ? null : familiarReference(withDefaultTag(parseReference(target))),
    changes: query.texts('changes'),
    message: query.text('message') ?? '',
    platform: query.text('platform'),
  };
  const id = await images.import(body, options, abort);
  return progress([{ status: id }]);
}

/** There is no registry client yet; an image that is here is as good as pulled. */
async function pullImage(images: ImageBackend, reference: string): Promise<Reply> {
  const parsed = withDefaultTag(parseReference(reference));
  const name = familiarReference(parsed);
  if ((await images.findId(name)) === null) {
    throw new EngineError(
      'not-implemented',
      `cannot pull "${name}": this version has no registry client`,
      {
        hint: 'bring the image with `docker save` and POST /images/load, or run the project on a Docker Engine with --host',
      },
    );
  }
  return progress([{ status: `Status: Image is up to date for ${name}` }]);
}

function targetOf(query: Query): string | null {
  const repository = query.text('repo');
  return repository === null ? null : withTag(repository, query.text('tag'));
}

/** The tag parameter may hold a digest. */
function withTag(repository: string, tag: string | null): string {
  if (tag === null) return repository;
  return tag.includes(':') ? `${repository}@${tag}` : `${repository}:${tag}`;
}

function progress(messages: readonly ProgressMessage[]): Reply {
  return stream('application/json', lines(messages));
}

// An iterable of what is known already: the reply wants one that may take its time.
// eslint-disable-next-line @typescript-eslint/require-await
async function* lines(messages: readonly ProgressMessage[]): AsyncGenerator<string> {
  for (const message of messages) yield `${JSON.stringify(message)}\r\n`;
}
