import { deviceRequests, labels } from './definitions.ts';
import {
  filled,
  listOf,
  nothing,
  numeric,
  object,
  oneOf,
  optional,
  string,
  wholeNumber,
  withShort,
} from './shapes.ts';

const rollout = object({
  delay: optional('Time between two batches.', string, { default: '0s' }),
  failure_action: optional(
    'What to do when a container fails: pause, continue or rollback.',
    string,
    {
      default: 'pause',
    },
  ),
  max_failure_ratio: optional('Share of containers that may fail.', numeric, { default: 0 }),
  monitor: optional(
    'How long a new container is watched for failure; else until it is healthy, or 5s without a healthcheck.',
    string,
  ),
  order: optional(
    'Whether the old container stops before the new one starts, or after.',
    oneOf('start-first', 'stop-first'),
    { default: 'stop-first' },
  ),
  parallelism: optional('Containers in one batch; 0 is all.', wholeNumber, { default: 1 }),
});

const limits = object({
  cpus: optional('Processors a container may use at most; parts count.', numeric, {
    examples: ['0.5'],
  }),
  memory: optional('Memory a container may use at most.', string, { examples: ['512M'] }),
  pids: optional('Processes a container may have at most.', wholeNumber),
});

const genericResource = object({
  discrete_resource_spec: optional(
    'A resource that is counted.',
    object({
      kind: optional('Name of the resource.', string),
      value: optional('How many.', numeric),
    }),
  ),
});

const reservations = object({
  cpus: optional(
    'Processors a node should have free for a container. No effect on one host.',
    numeric,
  ),
  devices: optional('Devices a container needs, GPUs for instance.', deviceRequests),
  generic_resources: optional(
    'Resources a cluster counts. No effect on one host.',
    listOf(genericResource),
  ),
  memory: optional('Memory that is taken from a container last.', string, { examples: ['256M'] }),
});

/** services.*.deploy. */
export const deploy = withShort(
  object({
    endpoint_mode: optional(
      'How a cluster spreads requests: vip or dnsrr. No effect on one host.',
      string,
    ),
    labels: optional('Labels of the service in a cluster; containers do not get them.', labels),
    mode: optional('replicated, global, replicated-job or global-job.', string, {
      default: 'replicated',
    }),
    placement: filled(
      'Where in a cluster containers run. No effect on one host.',
      object({
        constraints: optional('What a node must fulfil.', listOf(string), {
          examples: [['node.role == manager']],
        }),
        max_replicas_per_node: optional('Containers one node may run at most.', wholeNumber),
        preferences: optional(
          'How containers are spread over nodes.',
          listOf(object({ spread: optional('Label of the nodes to spread over.', string) })),
        ),
      }),
    ),
    replicas: optional('Number of containers.', wholeNumber, { default: 1 }),
    resources: filled(
      'What a container may use, and what is kept for it.',
      object({
        limits: optional('What a container may use at most.', limits),
        reservations: optional('What is kept for a container.', reservations),
      }),
    ),
    restart_policy: optional(
      'When a container that ended is started again; wins over restart.',
      object({
        condition: optional('none, on-failure or any.', string, { default: 'any' }),
        delay: optional('Time before it is started again.', string),
        max_attempts: optional('Attempts before it stays down; without it, no end.', wholeNumber),
        window: optional('Time after which a start counts as a success.', string),
      }),
    ),
    rollback_config: optional('How a failed update is taken back.', rollout),
    update_config: optional('How containers are replaced by new ones.', rollout),
  }),
  nothing,
);
