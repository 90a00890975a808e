import type { TSchema } from 'typebox';
import { external } from './network.ts';
import { either, mapOf, nothing, object, shared, string, stringOrNumber } from './shapes.ts';

/** volumes.*. */
export const volume: TSchema = either(
  nothing,
  object({
    driver: string,
    driver_opts: mapOf(stringOrNumber),
    external,
    labels: shared('labels'),
    name: string,
  }),
);
