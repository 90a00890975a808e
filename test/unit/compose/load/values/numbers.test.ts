import { describe, expect, test } from 'vitest';
import { attribute, refusal } from './service.ts';

describe.each<readonly [string, readonly (readonly [string, unknown])[]]>([
  [
    'sizes become bytes',
    [
      ['mem_limit: 1k', '1024'],
      ['mem_limit: 1.5g', '1610612736'],
      ['mem_limit: 512M', '536870912'],
      ['mem_limit: 1KiB', '1024'],
      ['mem_limit: "1 gb"', '1073741824'],
      ['mem_limit: 1p', '1125899906842624'],
      ['mem_limit: 100b', '100'],
      ['mem_limit: "1e3"', '1000'],
      ['mem_limit: 5', '5'],
      ['memswap_limit: -1', '-1'],
      ['shm_size: 64m', '67108864'],
      // What is no limit is not there.
      ['mem_limit: 0', undefined],
      ['mem_limit: "0"', undefined],
      ['mem_limit: ".5"', undefined],
      ['mem_limit: 1.5', undefined],
    ],
  ],
  [
    'durations are written with the units of Go',
    [
      ['stop_grace_period: 90s', '1m30s'],
      ['stop_grace_period: 1m', '1m0s'],
      ['stop_grace_period: 1.5h', '1h30m0s'],
      ['stop_grace_period: 1w2d', '216h0m0s'],
      ['stop_grace_period: 0s', '0s'],
      ['stop_grace_period: "0"', '0s'],
      ['stop_grace_period: "+5s"', '5s'],
      ['stop_grace_period: "-5s"', '-5s'],
      ['stop_grace_period: 1µs', '1µs'],
      ['stop_grace_period: 1500ms', '1.5s'],
      ['stop_grace_period: 1.234567891s', '1.234567891s'],
      ['stop_grace_period: .5s', '500ms'],
    ],
  ],
  [
    'numbers',
    [
      ['cpus: "0.50"', 0.5],
      ['cpus: .5', 0.5],
      ['cpus: 1e-1', 0.1],
      ['cpu_shares: 1.9', 1],
      ['cpu_quota: "5"', 5],
      ['cpu_period: 0', undefined],
      ['pids_limit: -1', -1],
      ['scale: 0', 0],
      ['healthcheck: {retries: 1.5}', { retries: 1 }],
      ['healthcheck: {retries: 0, interval: 0s}', { retries: 0, interval: '0s' }],
      ['networks: {front: {priority: 1.5, gw_priority: 0}}', { front: { priority: 1 } }],
      ['ulimits: {core: 0}', { core: 0 }],
      ['ulimits: {core: "0"}', { core: 0 }],
      ['ulimits: {core: {soft: 0, hard: -1}}', { core: { soft: 0, hard: -1 } }],
      ['storage_opt: {size: 1, other: }', { size: '1', other: '' }],
      ['blkio_config: {weight: 0}', {}],
      [
        'deploy: {update_config: {parallelism: 0, delay: 0s, max_failure_ratio: 0}}',
        { update_config: { parallelism: 0 }, resources: {}, placement: {} },
      ],
      [
        'deploy: {resources: {limits: {cpus: "0", memory: "0", pids: 0}}}',
        { resources: { limits: {} }, placement: {} },
      ],
    ],
  ],
])('%s', (_heading, rows) => {
  test.each(rows)('%s', (attributes, expected) => {
    expect(attribute(attributes)).toEqual(expected);
  });
});

describe('what is no number must be refused', () => {
  test.each([
    'mem_limit: ""',
    'mem_limit: 10x',
    // As a number it is no limit; as text docker compose refuses it.
    'mem_limit: "-1"',
    'mem_limit: 1 kilo',
    'stop_grace_period: ""',
    'stop_grace_period: "10"',
    'stop_grace_period: 5 s',
    'stop_grace_period: 1h 30m',
    'stop_grace_period: 1S',
    // Beyond 64 bits of nanoseconds.
    'stop_grace_period: 9999999999h',
    'deploy: {resources: {limits: {pids: "1.5"}}}',
    'deploy: {update_config: {parallelism: -1}}',
    'deploy: {restart_policy: {max_attempts: "-1"}}',
    'healthcheck: {retries: -1}',
    'blkio_config: {weight: -1}',
  ])('%s', (attributes) => {
    expect(refusal(attributes)).toMatch(/error\[invalid-(type|value)\]/);
  });
});
