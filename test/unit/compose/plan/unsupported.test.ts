import { expect, test } from 'vitest';
import { unsupportedWarnings } from '../../../../compose/plan/unsupported.ts';
import { loadText } from '../lib/host.ts';

function warningsOf(attribute: string, isOtherEngine = false): readonly string[] {
  const text = `services:\n  web:\n    image: nginx\n    ${attribute}\nmodels: {m: {model: ai/m}}\n`;
  return unsupportedWarnings(loadText(text).project, ['web'], { isOtherEngine });
}

const windows = ': only Windows containers have it';
const cluster = ': it is for clusters, and this is one host';

test.each([
  ['cpu_count: 2', 'cpu_count', windows],
  ['cpu_percent: 50', 'cpu_percent', windows],
  ['credential_spec: {file: spec.json}', 'credential_spec', windows],
  ['deploy: {endpoint_mode: vip}', 'deploy.endpoint_mode', cluster],
  [
    'deploy: {labels: {a: b}}',
    'deploy.labels',
    ': they are of a service in a cluster, and no labels of its containers',
  ],
  ['deploy: {placement: {constraints: [a]}}', 'deploy.placement', cluster],
  [
    'deploy: {resources: {reservations: {cpus: "1"}}}',
    'deploy.resources.reservations.cpus',
    cluster,
  ],
  [
    'deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: g, value: 1}}]}}}',
    'deploy.resources.reservations.generic_resources',
    cluster,
  ],
  ['platform: linux/arm64', 'platform', ' yet'],
])('what nothing carries out must be named once, at its line: %s', (attribute, path, reason) => {
  expect(warningsOf(attribute)).toEqual([
    expect.stringMatching(
      new RegExp(`^compose.yaml:4:\\d+: "${path}" of service "web" has no effect${reason}$`),
    ),
  ]);
});

test.each([
  'cpuset: "0"',
  'cpus: 0.5',
  'blkio_config: {weight: 300}',
  'cgroup_parent: /a',
  'device_cgroup_rules: ["c 1:3 mr"]',
  'healthcheck: {test: ["CMD", "true"]}',
  'mem_limit: 64m',
  'deploy: {mode: global}',
  'deploy: {mode: replicated-job}',
  'deploy: {mode: replicated, replicas: 2, resources: {limits: {cpus: "1", memory: 64m, pids: 5}}}',
  'deploy: {restart_policy: {condition: on-failure, max_attempts: 3, delay: 5s, window: 5s}}',
  'deploy: {update_config: {parallelism: 1}, rollback_config: {parallelism: 1}}',
  'tty: true',
  'ulimits: {nofile: 1024}',
])('what has its effect must not be named: %s', (attribute) => {
  expect(warningsOf(attribute)).toEqual([]);
});

test('what another engine does not know of restarts must be named there', () => {
  const policy = (text: string): string => `deploy: {restart_policy: {${text}}}`;
  const where = (key: string): string => `"deploy.restart_policy.${key}" of service "web"`;
  expect(warningsOf(policy('max_attempts: 3, delay: 5s, window: 6s'), true)).toEqual([
    `compose.yaml:4:55: ${where('delay')} has no effect: this engine has times of its own`,
    `compose.yaml:4:67: ${where('window')} has no effect: this engine has times of its own`,
    `compose.yaml:4:45: ${where('max_attempts')} makes this engine restart after failures only, not after success`,
  ]);
  expect(warningsOf(policy('condition: on-failure, max_attempts: 3'), true)).toEqual([]);
  expect(warningsOf(policy('condition: none, delay: 5s'), true)).toEqual([]);
});
