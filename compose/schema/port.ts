import type { TSchema } from 'typebox';
import { either, integerOrString, listOf, number, object, string } from './shapes.ts';

/** services.*.ports. */
export const ports: TSchema = listOf(
  either(
    number,
    string,
    object({
      app_protocol: string,
      host_ip: string,
      mode: string,
      name: string,
      protocol: string,
      published: integerOrString,
      target: integerOrString,
    }),
  ),
);
