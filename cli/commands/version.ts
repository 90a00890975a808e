import { defineCommand, type Command } from '../command.ts';
import { version } from '../product.ts';
import { versionText, type VersionRequest } from '../version-text.ts';

export const versionCommand: Command = defineCommand<VersionRequest>({
  name: 'version',
  summary: 'show the version, and which engine would be used and why',
  options: {
    short: { flags: '--short', description: 'only the number' },
    format: {
      flags: '-f, --format <format>',
      description: 'output format',
      choices: ['pretty', 'json'],
    },
  },
  run: async (request, { ui, address }) => {
    await ui.stdout.write(versionText(request, version, address));
    return undefined;
  },
});
