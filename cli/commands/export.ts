import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { parseIndex } from '../options.ts';

interface ExportRequest {
  readonly service?: string;
  readonly output?: string;
  readonly index?: number;
}

export const exportCommand: Command = defineCommand<ExportRequest>({
  name: 'export',
  summary: 'write the files of a service’s container as a tar archive',
  arguments: [{ name: '<service>', description: 'service' }],
  options: {
    service: null,
    output: {
      flags: '-o, --output <path>',
      description: 'write to a file (default: standard output)',
    },
    index: {
      flags: '--index <number>',
      description: 'which replica (default: the first)',
      parse: parseIndex,
    },
  },
  examples: ['tscompose export -o web.tar web'],
  run: async ({ service = '', output, index }, context) => {
    const { findContainers } = await import('../copy/containers.ts');
    const { writeTo, writeWholeFile } = await import('../copy/streams.ts');
    if (output === undefined && process.stdout.isTTY)
      throw new CliError('an archive would be printed to the terminal', {
        hint: 'write it to a file with -o, or redirect standard output',
      });
    const [{ id }] = await findContainers(context, { service, index });
    const engine = await context.engine();
    const archive = await engine.archives.export(id, { signal: context.interrupts.graceful });
    if (output === undefined) await writeTo(process.stdout, archive);
    else await writeWholeFile(output, archive);
    return undefined;
  },
});
