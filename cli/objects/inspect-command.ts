/** `inspect` of every kind of thing: what the engine says of it, whole or by a template. */
import type { EngineClient } from '../../engine/client/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { forEachName } from './each.ts';

interface InspectRequest {
  readonly names?: readonly string[];
  readonly format?: string;
}

export interface Inspected {
  /** `network`; the examples are made of it. */
  readonly kind: string;
  readonly inspect: (
    engine: EngineClient,
    name: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<object>;
}

export function inspectCommand({ kind, inspect }: Inspected): Command {
  return defineCommand<InspectRequest>({
    name: 'inspect',
    summary: `show all that is known of one or more ${kind}s`,
    arguments: [{ name: '<names...>', description: `names or ids of ${kind}s` }],
    options: {
      names: null,
      format: {
        flags: '-f, --format <format>',
        description: "'json', or a Go template such as '{{.Name}}'",
      },
    },
    examples: [`tscompose ${kind} inspect NAME`, `tscompose ${kind} inspect -f '{{json .}}' NAME`],
    run: async ({ names = [], format }, context) => {
      const { renderInspected } = await import('./render-inspected.ts');
      const engine = await context.engine();
      const found: object[] = [];
      try {
        await forEachName(names, async (name) => {
          found.push(await inspect(engine, name, { signal: context.interrupts.graceful }));
        });
      } finally {
        await context.ui.stdout.write(renderInspected(found, format));
      }
      return undefined;
    },
  });
}
