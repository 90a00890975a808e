import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { parseIndex } from '../options.ts';
import type { CopyContext } from '../copy/copy.ts';
import type { FoundContainer } from '../copy/containers.ts';

interface CopyRequest {
  readonly source?: string;
  readonly destination?: string;
  readonly all?: boolean;
  readonly archive?: boolean;
  readonly followLink?: boolean;
  readonly index?: number;
}

export const cpCommand: Command = defineCommand<CopyRequest>({
  name: 'cp',
  summary: 'copy files between a service’s containers and this machine',
  arguments: [
    {
      name: '<source>',
      description: 'SERVICE:PATH, a path here, or "-" for a tar on standard input',
    },
    { name: '<destination>', description: 'SERVICE:PATH, a path here, or "-" for a tar' },
  ],
  options: {
    source: null,
    destination: null,
    all: { flags: '--all', description: 'containers of `run` as well' },
    archive: { flags: '-a, --archive', description: 'files become the container’s user’s' },
    followLink: { flags: '-L, --follow-link', description: 'copy what a link in SOURCE leads to' },
    index: {
      flags: '--index <number>',
      description: 'which replica (default: to all, from the first)',
      parse: parseIndex,
    },
  },
  examples: ['tscompose cp web:/etc/nginx ./nginx', 'tscompose cp ./dist/. web:/srv'],
  run: async (request, context) => {
    const { parseCopyArgument } = await import('../copy/paths.ts');
    const source = parseCopyArgument(request.source ?? '');
    const destination = parseCopyArgument(request.destination ?? '');
    if (source.kind === 'service' && destination.kind === 'service')
      throw new CliError('copying between services is not supported', {
        hint: 'copy to this machine first',
      });
    if (source.kind === 'service') {
      await copyOut(request, context, { ...source, to: destination.path });
    } else if (destination.kind === 'service') {
      await copyIn(request, context, { ...destination, from: source.path });
    } else {
      throw new CliError('neither side names a service', { hint: 'write it as SERVICE:PATH' });
    }
    return undefined;
  },
});

async function copyOut(
  request: CopyRequest,
  context: Context,
  { service, path, to }: { readonly service: string; readonly path: string; readonly to: string },
): Promise<void> {
  const { findContainers } = await import('../copy/containers.ts');
  const { copyFrom, openArchive } = await import('../copy/copy.ts');
  const withOneOffs = request.all === true;
  const [first] = await findContainers(context, { service, index: request.index, withOneOffs });
  const copy = await copyContext(context, first);
  const followsLink = request.followLink === true;
  if (to === '-') {
    if (process.stdout.isTTY)
      throw new CliError('an archive would be printed to the terminal', {
        hint: 'redirect standard output',
      });
    const { writeTo } = await import('../copy/streams.ts');
    await writeTo(process.stdout, await openArchive(copy, { path, followsLink }));
    return;
  }
  await copyFrom(copy, { path, to, followsLink });
  context.ui.notice(`copied ${first.name}:${path} to ${to}`);
}

async function copyIn(
  request: CopyRequest,
  context: Context,
  {
    service,
    path,
    from,
  }: { readonly service: string; readonly path: string; readonly from: string },
): Promise<void> {
  const { findContainers } = await import('../copy/containers.ts');
  const { copyTo } = await import('../copy/copy.ts');
  const withOneOffs = request.all === true;
  const found = await findContainers(context, { service, index: request.index, withOneOffs });
  const isInput = from === '-';
  if (isInput && found.length > 1)
    throw new CliError(
      `service "${service}" has ${found.length} containers, and input comes once`,
      {
        hint: 'choose one with --index',
      },
    );
  for (const container of found) {
    await copyTo(await copyContext(context, container), {
      ...{ path, from: isInput ? null : from },
      ...(isInput && { content: process.stdin }),
      followsLink: request.followLink === true,
      takesOwner: request.archive === true,
    });
    context.ui.notice(`copied ${isInput ? 'standard input' : from} to ${container.name}:${path}`);
  }
}

async function copyContext(context: Context, container: FoundContainer): Promise<CopyContext> {
  return {
    engine: await context.engine(),
    container: container.id,
    signal: context.interrupts.graceful,
    warn: (message) => {
      context.ui.warn(message);
    },
  };
}
