import { defineCommand, type Command } from '../../command.ts';
import { forEachName } from '../../objects/each.ts';

interface ImageRmRequest {
  readonly names?: readonly string[];
  readonly force?: boolean;
  readonly noPrune?: boolean;
}

export const imageRmCommand: Command = defineCommand<ImageRmRequest>({
  name: 'rm',
  aliases: ['remove'],
  summary: 'take names off images, and remove images with their last name',
  arguments: [{ name: '<names...>', description: 'names or ids of images' }],
  options: {
    names: null,
    force: { flags: '-f, --force', description: 'also with several names, or a stopped container' },
    noPrune: { flags: '--no-prune', description: 'leave what only it was made from' },
  },
  examples: ['tscompose image rm app:old'],
  run: async ({ names = [], force, noPrune }, context) => {
    const { EngineError } = await import('../../../engine/api/index.ts');
    const engine = await context.engine();
    await forEachName(names, async (name) => {
      try {
        const entries = await engine.images.remove(name, {
          force: force === true,
          noPrune: noPrune === true,
          signal: context.interrupts.graceful,
        });
        const lines = entries.map((entry) =>
          'Untagged' in entry ? `Untagged: ${entry.Untagged}\n` : `Deleted: ${entry.Deleted}\n`,
        );
        await context.ui.stdout.write(lines.join(''));
      } catch (error) {
        const isGone = error instanceof EngineError && error.kind === 'not-found';
        if (!isGone || force !== true) throw error;
        context.ui.warn(error.message);
      }
    });
    return undefined;
  },
});
