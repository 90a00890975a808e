import { describe, expect, test } from 'vitest';
import { psCommand } from '../../../../cli/commands/ps.ts';
import type { ContainerSummary } from '../../../../engine/api/index.ts';
import { fakeContext } from './fake-context.ts';

function container(
  name: string,
  service: string,
  rest: Partial<ContainerSummary> = {},
): ContainerSummary {
  return {
    Id: name.padEnd(64, '0'),
    Names: [`/${name}`],
    Image: 'tscompose.local/host',
    ImageID: 'sha256:1',
    Command: 'node /app/server.mjs',
    Created: Math.floor(Date.now() / 1000) - 130,
    Ports: [],
    Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': service },
    State: 'running',
    Status: 'Up 2 minutes',
    HostConfig: { NetworkMode: 'shop_default' },
    NetworkSettings: { Networks: { shop_default: {} } },
    Mounts: [],
    ...rest,
  };
}

const containers: readonly ContainerSummary[] = [
  container('shop-web-1', 'web', {
    Ports: [{ IP: '127.0.0.1', PrivatePort: 3000, PublicPort: 8080, Type: 'tcp' }],
    Status: 'Up 2 minutes (healthy)',
  }),
  container('shop-job-1', 'job', { State: 'exited', Status: 'Exited (3) About a minute ago' }),
  container('shop-db-1', 'db', { Command: 'redis-server --dir /data --appendonly yes' }),
];

async function ps(request: object, found = containers): Promise<string> {
  const asked: unknown[] = [];
  const context = fakeContext({
    projectName: 'shop',
    project: {
      name: 'shop',
      services: { db: {}, web: {}, job: {}, cache: {} },
      disabledServices: {},
    },
    engine: {
      containers: {
        list: (options: { readonly filters: unknown }) => {
          asked.push(options.filters);
          return Promise.resolve(found);
        },
      },
    },
  });
  await psCommand.run({ services: [], ...request }, context);
  expect(asked).toEqual([{ label: ['com.docker.compose.project=shop'] }]);
  return context.stdout();
}

describe('ps', () => {
  test('lists what runs, by name', async () => {
    expect(await ps({})).toBe(
      [
        'NAME         IMAGE                  COMMAND                  SERVICE   CREATED         STATUS                   PORTS',
        'shop-db-1    tscompose.local/host   "redis-server --dir …"   db        2 minutes ago   Up 2 minutes             ',
        'shop-web-1   tscompose.local/host   "node /app/server.mjs"   web       2 minutes ago   Up 2 minutes (healthy)   127.0.0.1:8080->3000/tcp',
        '',
      ].join('\n'),
    );
  });

  test('-a lists what has ended as well', async () => {
    expect((await ps({ all: true, quiet: true })).split('\n')).toEqual([
      'shop-db-1'.padEnd(64, '0'),
      'shop-job-1'.padEnd(64, '0'),
      'shop-web-1'.padEnd(64, '0'),
      '',
    ]);
  });

  test('--services lists each service once', async () => {
    const two = [...containers, container('shop-web-2', 'web')];
    expect(await ps({ listServices: true }, two)).toBe('db\nweb\n');
  });

  test('of a project without containers is the header', async () => {
    expect(await ps({}, [])).toBe(
      'NAME      IMAGE     COMMAND   SERVICE   CREATED   STATUS    PORTS\n',
    );
  });

  test('of an unknown service is refused with those that there are', async () => {
    await expect(ps({ services: ['wbe'] })).rejects.toMatchObject({
      message: 'no such service: wbe',
      hint: 'there are: cache, db, job, web',
    });
  });

  test('of a service that the file has and that has no container is the header', async () => {
    expect(await ps({ services: ['cache'], quiet: true })).toBe('');
  });

  test('--status takes stopped ones without -a, and several states', async () => {
    expect(await ps({ status: ['exited'], format: '{{.Name}}' })).toBe('shop-job-1\n');
    expect(await ps({ status: ['exited', 'running'], listServices: true })).toBe('db\njob\nweb\n');
    expect(await ps({ filter: 'exited', listServices: true })).toBe('job\n');
  });

  test('leaves one-off containers out, unless -a', async () => {
    const labels = { 'com.docker.compose.oneoff': 'True', 'com.docker.compose.service': 'web' };
    const two = [...containers, container('shop-web-run-1', 'web', { Labels: labels })];
    expect(await ps({ format: '{{.Name}}' }, two)).toBe('shop-db-1\nshop-web-1\n');
    expect(await ps({ format: '{{.Name}}', all: true }, two)).toContain('shop-web-run-1\n');
  });

  test('--orphans=false leaves out services that the file does not have', async () => {
    const two = [...containers, container('shop-old-1', 'old')];
    expect(await ps({ format: '{{.Name}}', orphans: false }, two)).toBe('shop-db-1\nshop-web-1\n');
  });

  test('--format json is one object a line, with docker compose’s keys', async () => {
    const text = await ps({ format: 'json', all: true, services: ['job', 'web'] });
    const [job, web] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(job).toMatchObject({ Name: 'shop-job-1', State: 'exited', ExitCode: 3, Health: '' });
    expect(web).toMatchObject({
      Name: 'shop-web-1',
      Health: 'healthy',
      ID: 'shop-web-100',
      Project: 'shop',
      Service: 'web',
      Publishers: [{ URL: '127.0.0.1', TargetPort: 3000, PublishedPort: 8080, Protocol: 'tcp' }],
    });
    const keys = Object.keys(web ?? {});
    expect(keys).toEqual([...keys].sort());
  });
});
