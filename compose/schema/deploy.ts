import type { TSchema } from 'typebox';
import {
  either,
  integerOrString,
  listOf,
  nothing,
  numberOrString,
  object,
  oneOf,
  shared,
  string,
} from './shapes.ts';

const rollout = object({
  delay: string,
  failure_action: string,
  max_failure_ratio: numberOrString,
  monitor: string,
  order: oneOf('start-first', 'stop-first'),
  parallelism: integerOrString,
});

const limits = object({ cpus: numberOrString, memory: string, pids: integerOrString });

const reservations = object({
  cpus: numberOrString,
  devices: shared('deviceRequests'),
  generic_resources: listOf(
    object({ discrete_resource_spec: object({ kind: string, value: numberOrString }) }),
  ),
  memory: string,
});

/** services.*.deploy. */
export const deploy: TSchema = either(
  nothing,
  object({
    endpoint_mode: string,
    labels: shared('labels'),
    mode: string,
    placement: object({
      constraints: listOf(string),
      max_replicas_per_node: integerOrString,
      preferences: listOf(object({ spread: string })),
    }),
    replicas: integerOrString,
    resources: object({ limits, reservations }),
    restart_policy: object({
      condition: string,
      delay: string,
      max_attempts: integerOrString,
      window: string,
    }),
    rollback_config: rollout,
    update_config: rollout,
  }),
);
