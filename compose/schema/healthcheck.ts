import type { TSchema } from 'typebox';
import { boolOrString, either, listOf, numberOrString, object, string } from './shapes.ts';

/** services.*.healthcheck. Durations are text: "10s", never 10. */
export const healthcheck: TSchema = object({
  disable: boolOrString,
  interval: string,
  retries: numberOrString,
  start_interval: string,
  start_period: string,
  test: either(string, listOf(string)),
  timeout: string,
});
