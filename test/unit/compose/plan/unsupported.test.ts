import { expect, test } from 'vitest';
import { unsupportedWarnings } from '../../../../compose/plan/unsupported.ts';
import { loadText } from '../lib/host.ts';

function warningsOf(attribute: string): readonly string[] {
  const text = `services:\n  web:\n    image: nginx\n    ${attribute}\nmodels: {m: {model: ai/m}}\n`;
  return unsupportedWarnings(loadText(text).project, ['web']);
}

test.each([
  ['cpu_count: 2', 'cpu_count'],
  ['cpu_percent: 50', 'cpu_percent'],
  ['credential_spec: {file: spec.json}', 'credential_spec'],
  ['deploy: {endpoint_mode: vip}', 'deploy.endpoint_mode'],
  ['deploy: {labels: {a: b}}', 'deploy.labels'],
  ['deploy: {mode: global}', 'deploy.mode'],
  ['deploy: {placement: {constraints: [a]}}', 'deploy.placement'],
  ['deploy: {resources: {reservations: {cpus: "1"}}}', 'deploy.resources.reservations.cpus'],
  ['platform: linux/arm64', 'platform'],
])('what nothing carries out must be named once, at its line: %s', (attribute, path) => {
  expect(warningsOf(attribute)).toEqual([
    expect.stringMatching(
      new RegExp(`^compose.yaml:4:\\d+: "${path}" of service "web" has no effect yet$`),
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
  'deploy: {mode: replicated, replicas: 2, resources: {limits: {cpus: "1", memory: 64m, pids: 5}}}',
  'deploy: {restart_policy: {condition: on-failure, max_attempts: 3, delay: 5s, window: 5s}}',
  'deploy: {update_config: {parallelism: 1}, rollback_config: {parallelism: 1}}',
  'tty: true',
  'ulimits: {nofile: 1024}',
])('what has its effect must not be named: %s', (attribute) => {
  expect(warningsOf(attribute)).toEqual([]);
});
