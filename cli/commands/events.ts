import type { EventMessage } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { parseMoment, servicesArgument } from '../options.ts';
import { isOneOff, projectFilter, serviceLabel } from '../select.ts';
import { compareText } from '../ui/format.ts';

interface EventsRequest {
  readonly services?: readonly string[];
  readonly json?: boolean;
  readonly since?: string;
  readonly until?: string;
}

export const eventsCommand: Command = defineCommand<EventsRequest>({
  name: 'events',
  summary: 'show what happens to the containers, as it happens',
  arguments: [servicesArgument],
  options: {
    services: null,
    json: { flags: '--json', description: 'one JSON object a line' },
    since: {
      flags: '--since <moment>',
      description: 'events since then first: an age like 42m, or a date',
      parse: (text) => parseMoment(text, Date.now()),
    },
    until: {
      flags: '--until <moment>',
      description: 'end there',
      parse: (text) => parseMoment(text, Date.now()),
    },
  },
  examples: ['tscompose events --json | jq -r .action', 'tscompose events --since 1h --until 0s'],
  run: async ({ services = [], json, since, until }, context) => {
    const project = await context.projectName();
    if (services.length > 0) {
      const { listContainers } = await import('../listed.ts');
      await listContainers(context, { services, all: true });
    }
    const engine = await context.engine();
    const events = engine.events({
      filters: { ...projectFilter(project), type: ['container'] },
      signal: context.interrupts.graceful,
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    });
    for await (const event of events) {
      const own = event.Actor.Attributes;
      if (isOneOff({ Labels: own })) continue;
      const service = own[serviceLabel] ?? '';
      if (services.length > 0 && !services.includes(service)) continue;
      await context.ui.stdout.write(json === true ? jsonOf(event) : textOf(event));
    }
    return undefined;
  },
});

/** Compose's own labels are in the service already. */
function attributesOf({ Actor }: EventMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(Actor.Attributes)
    .filter(([key]) => !key.startsWith('com.docker.compose.'))
    .sort(([left], [right]) => compareText(left, right));
  return Object.fromEntries(entries);
}

function jsonOf(event: EventMessage): string {
  const { Action, Actor, Type } = event;
  const line = {
    action: Action,
    attributes: attributesOf(event),
    id: Actor.ID,
    service: Actor.Attributes[serviceLabel] ?? '',
    time: `${new Date(event.time * 1000).toISOString().slice(0, 19)}.${microseconds(event)}Z`,
    type: Type,
  };
  return `${JSON.stringify(line)}\n`;
}

function textOf(event: EventMessage): string {
  const { Action, Actor, Type } = event;
  const attributes = Object.entries(attributesOf(event)).map(([key, value]) => `${key}=${value}`);
  return `${localTime(event)} ${Type} ${Action} ${Actor.ID} (${attributes.join(', ')})\n`;
}

/** The number on the wire is exact to about 256 ns as a JavaScript number: six digits are. */
function microseconds({ timeNano }: EventMessage): string {
  return String(Math.floor((timeNano % 1e9) / 1e3)).padStart(6, '0');
}

function localTime(event: EventMessage): string {
  const date = new Date(event.time * 1000);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 19)}.${microseconds(event)}`;
}
