/** `config --resolve-image-digests` and `--lock-image-digests`: image names with the digest that a registry has for them. */
import type { Project, Service } from '../compose/index.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../engine/api/index.ts';
import type { Context } from './context.ts';

export interface PinOptions {
  readonly context: Pick<Context, 'env' | 'interrupts'>;
  /** Only the images: a file to be merged over the one that was loaded. */
  readonly isLocked: boolean;
}

export async function pinnedProject(project: Project, options: PinOptions): Promise<Project> {
  const pinned = await pinnedServices(project.services, options);
  if (!options.isLocked) return { ...project, services: pinned as Project['services'] };
  const images = Object.entries(pinned).map(([name, { image }]): readonly [string, Service] => [
    name,
    { command: null, entrypoint: null, ...(image !== undefined && { image: image as string }) },
  ]);
  const nothing = {
    networks: {},
    volumes: {},
    secrets: {},
    configs: {},
    models: {},
    extensions: {},
  };
  return { ...project, ...nothing, name: '', services: Object.fromEntries(images) };
}

type Model = Readonly<Record<string, unknown>>;

export async function pinnedModel(model: Model, options: PinOptions): Promise<Model> {
  const given = model['services'];
  const services = typeof given === 'object' && given !== null ? (given as Images) : {};
  const pinned = await pinnedServices(services, options);
  if (!options.isLocked) return { ...model, services: pinned };
  const images = Object.entries(pinned).map(
    ([name, { image }]) => [name, image === undefined ? {} : { image }] as const,
  );
  return { services: Object.fromEntries(images) };
}

type Images = Readonly<Record<string, { readonly image?: unknown }>>;

async function pinnedServices(services: Images, { context }: PinOptions): Promise<Images> {
  const named = Object.values(services).flatMap(({ image }) => (isTag(image) ? [image] : []));
  const { resolveDigests } = await import('./remote/registries.ts');
  const digests = await resolveDigests(named, {
    env: context.env,
    signal: context.interrupts.graceful,
  });
  return Object.fromEntries(
    Object.entries(services).map(([name, service]) => {
      const { image } = service;
      const digest = isTag(image) ? digests.get(image) : undefined;
      return [
        name,
        digest === undefined ? service : { ...service, image: pinnedName(image, digest) },
      ];
    }),
  );
}

/** Something to look up; a digest is one already. */
function isTag(image: unknown): image is string {
  return typeof image === 'string' && parseReference(image).digest === null;
}

/** In full, as `docker compose` writes it: with the registry, the tag and the digest. */
function pinnedName(image: unknown, digest: string): string {
  return canonicalReference({ ...withDefaultTag(parseReference(String(image))), digest });
}
