import { EngineError, type ContainerSummary, type ImageInspect } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { servicesArgument } from '../options.ts';
import { nameOf } from '../select.ts';
import { formatAge } from '../ui/format.ts';
import { decimalSize } from '../ui/go-text.ts';
import { renderTable, wideTable } from '../ui/table.ts';

interface ImagesRequest {
  readonly services?: readonly string[];
  readonly quiet?: boolean;
  readonly format?: 'table' | 'json';
}

/** docker compose's object, in its order. */
interface UsedImage {
  readonly ID: string;
  readonly ContainerName: string;
  readonly Repository: string;
  readonly Tag: string;
  readonly Platform: string;
  readonly Size: number;
  readonly LastTagTime?: string;
}

const never = '0001-01-01T00:00:00Z';

export const imagesCommand: Command = defineCommand<ImagesRequest>({
  name: 'images',
  summary: 'list the images of the containers',
  arguments: [servicesArgument],
  options: {
    services: null,
    quiet: { flags: '-q, --quiet', description: 'only the ids' },
    format: {
      flags: '--format <format>',
      description: 'output format',
      choices: ['table', 'json'],
    },
  },
  examples: ['tscompose images', 'tscompose images -q web'],
  run: async ({ services, quiet, format }, context) => {
    const { listContainers } = await import('../listed.ts');
    const containers = await listContainers(context, { services, all: true });
    const images = await Promise.all(containers.map((container) => imageOf(container, context)));
    await context.ui.stdout.write(render(images, { quiet: quiet === true, format }));
    return undefined;
  },
});

async function imageOf(container: ContainerSummary, context: Context): Promise<UsedImage> {
  const engine = await context.engine();
  const signal = context.interrupts.graceful;
  const base = { ID: container.ImageID, ContainerName: nameOf(container) };
  try {
    const image = await engine.images.inspect(container.ImageID, { signal });
    const { Architecture, Variant = '', Os, Size, Metadata } = image;
    const platform = [Os, Architecture, Variant].filter((part) => part !== '').join('/');
    const tagged = Metadata.LastTagTime;
    return {
      ...base,
      ...nameOfImage(image, container.Image),
      Platform: platform,
      Size,
      ...(tagged !== never && { LastTagTime: tagged }),
    };
  } catch (error) {
    // Somebody removed it by force: the container goes on without its name.
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
    return { ...base, Repository: '<none>', Tag: '<none>', Platform: '', Size: 0 };
  }
}

/** The name that the container was created with, if it is still one of the image's. */
function nameOfImage(
  { RepoTags }: ImageInspect,
  asked: string,
): Pick<UsedImage, 'Repository' | 'Tag'> {
  const names = [asked, `${asked}:latest`];
  const reference = RepoTags.find((tag) => names.includes(tag)) ?? RepoTags[0] ?? '';
  const [, repository = '<none>', tag = '<none>'] = /^(.+):([^:/]+)$/u.exec(reference) ?? [];
  return { Repository: repository, Tag: tag };
}

function render(
  images: readonly UsedImage[],
  { quiet, format }: { readonly quiet: boolean; readonly format: ImagesRequest['format'] },
): string {
  if (quiet) {
    const ids = new Set(images.map(({ ID }) => ID.replace(/^sha256:/u, '')));
    return [...ids].map((id) => `${id}\n`).join('');
  }
  if (format === 'json') return `${JSON.stringify(images)}\n`;
  return renderTable(
    ['CONTAINER', 'REPOSITORY', 'TAG', 'PLATFORM', 'IMAGE ID', 'SIZE', 'CREATED'],
    images.map(({ ID, ContainerName, Repository, Tag, Platform, Size, LastTagTime }) => [
      ContainerName,
      Repository,
      Tag,
      Platform,
      ID.replace(/^sha256:/u, '').slice(0, 12),
      decimalSize(Size, 3),
      ageOf(LastTagTime),
    ]),
    wideTable,
  );
}

function ageOf(moment: string | undefined): string {
  if (moment === undefined) return 'N/A';
  return `${formatAge(Math.max(0, (Date.now() - Date.parse(moment)) / 1000))} ago`;
}
