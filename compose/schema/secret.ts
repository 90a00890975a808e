import type { TSchema } from 'typebox';
import { external } from './network.ts';
import { mapOf, object, shared, string, stringOrNumber } from './shapes.ts';

/** secrets.*. */
export const secret: TSchema = object({
  driver: string,
  driver_opts: mapOf(stringOrNumber),
  environment: string,
  external,
  file: string,
  labels: shared('labels'),
  name: string,
  template_driver: string,
});

/** configs.*. */
export const config: TSchema = object({
  content: string,
  environment: string,
  external,
  file: string,
  labels: shared('labels'),
  name: string,
  template_driver: string,
});
