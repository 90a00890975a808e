import { become, either, flag, listOf, numeric, object, optional, string } from './shapes.ts';

/** services.*.healthcheck. Durations are text: "10s", never 10. */
export const healthcheck = object({
  disable: optional('Do not check, even if the image says how; as test: ["NONE"].', flag, {
    default: false,
  }),
  interval: optional('Time between two probes.', string, { default: '30s' }),
  retries: optional('Failures in a row after which the container is unhealthy.', numeric, {
    default: 3,
  }),
  start_interval: optional('Time between two probes within start_period.', string, {
    default: '5s',
  }),
  start_period: optional(
    'Time a container has to get ready: failures in it do not count, a success ends it.',
    string,
    { default: '0s' },
  ),
  test: optional(
    'The probe: exit status 0 is healthy. A list that begins with CMD, CMD-SHELL or NONE; a text runs in the shell of the container.',
    become<readonly string[]>(either(string, listOf(string))),
    { examples: [['CMD', 'curl', '-f', 'http://localhost/'], 'pg_isready -U postgres'] },
  ),
  timeout: optional('Time after which a probe is ended and has failed.', string, {
    default: '30s',
  }),
});
