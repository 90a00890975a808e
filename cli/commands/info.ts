import { defineCommand, type Command } from '../command.ts';
import { version } from '../product.ts';

interface InfoRequest {
  readonly format?: string;
}

/** Both `info` and `system info`. */
export const infoCommand: Command = defineCommand<InfoRequest>({
  name: 'info',
  summary: 'show what the engine says of itself and of its machine',
  options: {
    format: {
      flags: '-f, --format <format>',
      description: "'json', or a Go template such as '{{.ServerVersion}}'",
    },
  },
  examples: ['tscompose info', "tscompose info -f '{{.Driver}}'"],
  run: async ({ format = '' }, context) => {
    const engine = await context.engine();
    const info = await engine.info({ signal: context.interrupts.graceful });
    const client = { version, address: context.address().url };
    const { renderInfo } = await import('../ui/info.ts');
    await context.ui.stdout.write(renderInfo(info, { client, format }));
    return undefined;
  },
});
