/** Every answer of the slice has dockerd's keys with dockerd's types. */
import { request as httpRequest } from 'node:http';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { FakeEngine } from '../../lib/fake-engine/engine.ts';
import { serveBackends, type HttpEngine } from '../../lib/http-engine.ts';
import { compareShape, readRecordedShapes, type RecordedAnswer } from '../../lib/shapes.ts';

const recorded = readRecordedShapes();

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

describe.skipIf(recorded === null)('shapes of answers (skipped without ../shared)', () => {
  const backends = new FakeEngine();
  let engine: HttpEngine;

  beforeAll(async () => {
    engine = await serveBackends(backends);
    await call({ method: 'POST', path: '/images/create?fromSrc=-&repo=app' });
    await call({ method: 'POST', path: '/networks/create', body: { Name: 'net' } });
    await call({ method: 'POST', path: '/containers/create?name=web', body: { Image: 'app' } });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  function call({ method, path, body }: Call): Promise<{ status: number; answer: unknown }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const options = { socketPath: engine.socketPath, method, path: `/v1.51${path}`, headers };
      const sent = httpRequest(options, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          const answer: unknown = text === '' ? null : JSON.parse(text);
          resolve({ status: response.statusCode ?? 0, answer });
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  // Keys that dockerd sends in another case than the one asked for here, each with its reason.
  const optional: Readonly<Record<string, readonly string[]>> = {
    // Present when the container has a health check, or a size was asked for.
    'container inspect running': [
      'State.Health',
      'SizeRw',
      'SizeRootFs',
      // Set in the recording's request only.
      'HostConfig.Annotations',
      'HostConfig.Mounts',
      'HostConfig.Tmpfs',
      'HostConfig.Sysctls',
      'HostConfig.Init',
      'Config.ExposedPorts',
      'Config.Healthcheck',
      'Config.StopSignal',
      'Config.StopTimeout',
      'Config.Shell',
      // Filled in by the container backend.
      ...[
        'IPAMConfig Links Aliases MacAddress DriverOpts GwPriority NetworkID EndpointID Gateway IPAddress',
        'IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen DNSNames',
      ]
        .join(' ')
        .split(' ')
        .map((key) => `NetworkSettings.Networks.*.${key}`),
    ],
    containers: [
      '[].SizeRootFs',
      '[].HostConfig.Annotations',
      ...[
        'IPAMConfig Links Aliases MacAddress DriverOpts GwPriority NetworkID EndpointID Gateway IPAddress',
        'IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen DNSNames',
      ]
        .join(' ')
        .split(' ')
        .map((key) => `[].NetworkSettings.Networks.*.${key}`),
    ],
    'image inspect':
      'Cmd Entrypoint Env ExposedPorts Healthcheck Labels OnBuild Shell StopSignal User Volumes WorkingDir'
        .split(' ')
        .map((key) => `Config.${key}`),
    // This engine has one runtime, without a containerd beside it.
    info: ['Runtimes.*.status', 'Containerd'],
  };

  test.each<[string, Call]>([
    ['version', { method: 'GET', path: '/version' }],
    ['info', { method: 'GET', path: '/info' }],
    ['volume create', { method: 'POST', path: '/volumes/create', body: { Name: 'data' } }],
    ['volume inspect', { method: 'GET', path: '/volumes/data' }],
    ['volumes', { method: 'GET', path: '/volumes' }],
    ['network create', { method: 'POST', path: '/networks/create', body: { Name: 'other' } }],
    ['network inspect', { method: 'GET', path: '/networks/net' }],
    ['networks', { method: 'GET', path: '/networks' }],
    ['container create', { method: 'POST', path: '/containers/create', body: { Image: 'app' } }],
    ['container inspect running', { method: 'GET', path: '/containers/web/json' }],
    ['containers', { method: 'GET', path: '/containers/json?all=1' }],
    ['wait', { method: 'POST', path: '/containers/web/wait' }],
    ['images', { method: 'GET', path: '/images/json' }],
    ['image inspect', { method: 'GET', path: '/images/app/json' }],
    ['error 404 container', { method: 'GET', path: '/containers/ghost/json' }],
    ['error 404 image', { method: 'GET', path: '/images/ghost/json' }],
    ['error 409', { method: 'POST', path: '/containers/create?name=web', body: { Image: 'app' } }],
    ['error 400', { method: 'GET', path: '/containers/json?filters=x' }],
    ['error 503 swarm', { method: 'GET', path: '/services' }],
    ['error 404 plugin', { method: 'GET', path: '/plugins/x/json' }],
    ['plugins', { method: 'GET', path: '/plugins' }],
    ['image delete', { method: 'DELETE', path: '/images/app' }],
  ])('%s must have its keys and types', async (name, request) => {
    const expected: RecordedAnswer = recorded?.[name] ?? { status: 0, shape: {} };
    const { status, answer } = await call(request);
    const differences = compareShape(answer, expected);
    const allowed = new Set(optional[name]);
    expect({
      status,
      missing: differences.missing.filter((path) => !allowed.has(path)),
      mistyped: differences.mistyped,
    }).toEqual({ status: expected.status, missing: [], mistyped: [] });
  });
});
