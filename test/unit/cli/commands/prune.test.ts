import { describe, expect, test } from 'vitest';
import { systemCommand } from '../../../../cli/commands/system.ts';
import { volumeCommand } from '../../../../cli/commands/volume.ts';
import type { Command } from '../../../../cli/command.ts';
import { EngineError } from '../../../../engine/api/index.ts';
import { fakeContext } from './fake-context.ts';

function subcommand(group: Command, name: string): Command {
  const found = group.subcommands.find((command) => command.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

interface Asked {
  readonly kind: string;
  readonly filters?: unknown;
}

function engine(asked: Asked[]): object {
  const answer =
    (kind: string, result: object) =>
    ({ filters }: { readonly filters: unknown }) => {
      asked.push({ kind, filters });
      return Promise.resolve(result);
    };
  return {
    containers: {
      prune: answer('containers', { ContainersDeleted: ['c1'], SpaceReclaimed: 1000 }),
    },
    networks: { prune: answer('networks', { NetworksDeleted: ['n1', 'n2'] }) },
    volumes: { prune: answer('volumes', { VolumesDeleted: null, SpaceReclaimed: 0 }) },
    images: {
      prune: answer('images', {
        ImagesDeleted: [{ Untagged: 'a:1' }, { Deleted: 'sha256:1' }],
        SpaceReclaimed: 500,
      }),
    },
    pruneBuildCache: () => Promise.reject(new EngineError('not-found', 'page not found')),
  };
}

describe('prune', () => {
  test('must go through every kind, and an engine that builds nothing is no failure', async () => {
    const asked: Asked[] = [];
    const context = fakeContext({ engine: engine(asked) });
    const request = { force: true, all: true, volumes: true, filter: [['label', 'a=b']] };
    await subcommand(systemCommand, 'prune').run(request, context);
    expect(context.stdout()).toBe(
      'Deleted Containers:\nc1\n\nDeleted Networks:\nn1\nn2\n\n' +
        'Deleted Images:\nuntagged: a:1\ndeleted: sha256:1\n\nTotal reclaimed space: 1.5kB\n',
    );
    const filters = { label: ['a=b'] };
    expect(asked).toEqual([
      { kind: 'containers', filters },
      { kind: 'networks', filters },
      { kind: 'volumes', filters },
      { kind: 'images', filters: { ...filters, dangling: ['0'] } },
    ]);
  });

  test('must not take volumes unless told, nor those with a name unless told twice', async () => {
    const asked: Asked[] = [];
    const context = fakeContext({ engine: engine(asked) });
    await subcommand(systemCommand, 'prune').run({ force: true }, context);
    expect(asked.map(({ kind }) => kind)).toEqual(['containers', 'networks', 'images']);
    await subcommand(volumeCommand, 'prune').run({ force: true }, context);
    await subcommand(volumeCommand, 'prune').run({ force: true, all: true }, context);
    expect(asked.slice(3)).toEqual([
      { kind: 'volumes', filters: {} },
      { kind: 'volumes', filters: { all: ['1'] } },
    ]);
  });

  test('must refuse a time limit for volumes before anything is removed', async () => {
    const asked: Asked[] = [];
    const request = { force: true, volumes: true, filter: [['until', '1h']] };
    await expect(
      subcommand(systemCommand, 'prune').run(request, fakeContext({ engine: engine(asked) })),
    ).rejects.toThrow('the "until" filter is not supported with "--volumes"');
    expect(asked).toEqual([]);
  });
});
