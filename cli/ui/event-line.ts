/** An event of the engine as docker prints it. */
import type { EventMessage } from '../../engine/api/index.ts';
import { compileTemplate } from './template/evaluate.ts';
import { compareText } from './format.ts';

export function eventRenderer(format = ''): (event: EventMessage) => string {
  if (format === '') return textOf;
  if (format === 'json') return (event) => `${JSON.stringify(event)}\n`;
  const template = compileTemplate(format);
  return (event) => `${template.run(valueOf(event))}\n`;
}

/** Attributes are a map: one that an event does not have is no mistake. */
function valueOf({ Actor, ...event }: EventMessage): object {
  return { ...event, Actor: { ...Actor, Attributes: new Map(Object.entries(Actor.Attributes)) } };
}

function textOf(event: EventMessage): string {
  const { Action, Actor, Type } = event;
  const attributes = Object.entries(Actor.Attributes)
    .sort(([left], [right]) => compareText(left, right))
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
  const what = `${localTime(event)} ${Type} ${Action} ${Actor.ID}`;
  return attributes === '' ? `${what}\n` : `${what} (${attributes})\n`;
}

/** RFC 3339 with nine digits, of which a JavaScript number of the wire has six. */
function localTime({ time, timeNano }: EventMessage): string {
  const date = new Date(time * 1000);
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const micro = String(Math.floor((timeNano % 1e9) / 1e3)).padStart(6, '0');
  return `${local}.${micro}000${zoneOf(minutes)}`;
}

function zoneOf(minutes: number): string {
  if (minutes === 0) return 'Z';
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const sign = minutes < 0 ? '-' : '+';
  return `${sign}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
}
