/** `rm` of every kind of thing. */
import type { EngineClient } from '../../engine/client/index.ts';
import { EngineError } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { forEachName } from './each.ts';

interface RemoveRequest {
  readonly names?: readonly string[];
  readonly force?: boolean;
}

export interface Removed {
  readonly kind: string;
  readonly force: string;
  readonly remove: (
    engine: EngineClient,
    name: string,
    options: { readonly force: boolean; readonly signal: AbortSignal },
  ) => Promise<void>;
}

export function removeCommand({ kind, force, remove }: Removed): Command {
  return defineCommand<RemoveRequest>({
    name: 'rm',
    aliases: ['remove'],
    summary: `remove one or more ${kind}s that nothing uses`,
    arguments: [{ name: '<names...>', description: `names or ids of ${kind}s` }],
    options: { names: null, force: { flags: '-f, --force', description: force } },
    examples: [`tscompose ${kind} rm NAME`],
    run: async ({ names = [], force: isForced }, context) => {
      const engine = await context.engine();
      const options = { force: isForced === true, signal: context.interrupts.graceful };
      await forEachName(names, async (name) => {
        try {
          await remove(engine, name, options);
        } catch (error) {
          if (options.force && error instanceof EngineError && error.kind === 'not-found') return;
          throw error;
        }
        await context.ui.stdout.write(`${name}\n`);
      });
      return undefined;
    },
  });
}
