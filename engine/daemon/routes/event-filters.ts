/** Which events a subscriber sees. Pure. */
import type { EventMessage, EventType } from '../../api/index.ts';
import { matchesAny, matchesLabels, type Filters } from '../server/index.ts';

/** Filters that name an object: by its id or name, or a prefix of either. */
const objectKeys = [
  'config',
  'container',
  'daemon',
  'network',
  'node',
  'plugin',
  'secret',
  'service',
  'volume',
] as const satisfies readonly EventType[];

export const eventFilterKeys: ReadonlySet<string> = new Set([
  ...objectKeys,
  'event',
  'image',
  'label',
  'scope',
  'type',
]);

export function matchesEvent(event: EventMessage, filters: Filters): boolean {
  const { ID, Attributes } = event.Actor;
  return (
    matchesAny(filters, 'type', (type) => event.Type === type) &&
    matchesAny(filters, 'scope', (scope) => event.scope === scope) &&
    matchesAny(filters, 'event', (action) => matchesAction(event.Action, action)) &&
    matchesLabels(filters, Attributes) &&
    matchesAny(filters, 'image', (image) => imageNames(event).includes(image)) &&
    objectKeys.every((key) =>
      matchesAny(
        filters,
        key,
        (wanted) =>
          event.Type === key &&
          (ID.startsWith(wanted) || Attributes['name']?.startsWith(wanted) === true),
      ),
    )
  );
}

/** `health_status: healthy` and `exec_create: cmd` answer to their first word as well. */
function matchesAction(action: string, wanted: string): boolean {
  return action === wanted || action.startsWith(`${wanted}: `);
}

/** Of a container the image's name, of an image its id and name; with and without the tag. */
function imageNames({ Type, Actor }: EventMessage): readonly string[] {
  const name = Actor.Attributes[Type === 'image' ? 'name' : 'image'] ?? '';
  return [Actor.ID, name, name.replace(/:[^:/]*$/, '')];
}
