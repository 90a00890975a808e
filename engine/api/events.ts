import type { StringMap } from './containers.ts';

export const eventTypes = [
  'builder',
  'config',
  'container',
  'daemon',
  'image',
  'network',
  'node',
  'plugin',
  'secret',
  'service',
  'volume',
] as const;
export type EventType = (typeof eventTypes)[number];

/** One line of GET /events. */
export interface EventMessage {
  readonly Type: EventType;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: StringMap };
  readonly scope: 'local' | 'swarm';
  /** Seconds since the epoch. */
  readonly time: number;
  /** A 64-bit number on the wire: as a JavaScript number it is exact to about 256 ns only. */
  readonly timeNano: number;
  /** Container and image events only, as clients before API 1.22 read them. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
}
