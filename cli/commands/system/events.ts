import { defineCommand, type Command } from '../../command.ts';
import { filterOption, filtersOf, type FilterPair } from '../../objects/filters.ts';
import { parseMoment } from '../../options.ts';

interface SystemEventsRequest {
  readonly filter?: readonly FilterPair[];
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

export const systemEventsCommand: Command = defineCommand<SystemEventsRequest>({
  name: 'events',
  summary: 'show what happens to anything of the engine, until interrupted',
  options: {
    filter: filterOption(
      'only those of something: container, event, image, label, network, type, …',
    ),
    format: {
      flags: '--format <format>',
      description: "'json', or a Go template such as '{{.Action}}'",
    },
    since: {
      flags: '--since <time>',
      description: 'from then on: a date, seconds since 1970, or an age like 10m',
      parse: (text) => parseMoment(text, Date.now()),
    },
    until: {
      flags: '--until <time>',
      description: 'and end there',
      parse: (text) => parseMoment(text, Date.now()),
    },
  },
  examples: [
    'tscompose system events --filter type=network',
    'tscompose system events --since 10m',
  ],
  run: async ({ filter, format, since, until }, context) => {
    const { eventRenderer } = await import('../../ui/event-line.ts');
    const render = eventRenderer(format);
    const engine = await context.engine();
    const events = engine.events({
      filters: filtersOf(filter),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      signal: context.interrupts.graceful,
    });
    for await (const event of events) await context.ui.stdout.write(render(event));
    return undefined;
  },
});
