import { defineCommand, type Command } from '../../command.ts';
import { formatOption } from '../../options.ts';

interface SystemDfRequest {
  readonly format?: string;
  readonly verbose?: boolean;
}

export const systemDfCommand: Command = defineCommand<SystemDfRequest>({
  name: 'df',
  summary: 'show what images, containers and volumes take on disk',
  options: {
    format: formatOption,
    verbose: { flags: '-v, --verbose', description: 'each of them by itself' },
  },
  examples: ['tscompose system df', 'tscompose system df -v'],
  run: async ({ format, verbose }, context) => {
    const engine = await context.engine();
    const usage = await engine.diskUsage({ signal: context.interrupts.graceful });
    const { renderUsage, renderUsageInFull } = await import('../../ui/disk-usage.ts');
    const text = verbose === true ? renderUsageInFull(usage, format) : renderUsage(usage, format);
    await context.ui.stdout.write(text);
    return undefined;
  },
});
