import { describe, expect, test } from 'vitest';
import { commands } from '../../../cli/commands/index.ts';
import { complete, type Completion } from '../../../cli/completion.ts';
import { globalOptions } from '../../../cli/options.ts';

function at(...words: readonly string[]): Completion {
  return complete(words, { commands, globalOptions });
}

function wordsAt(...words: readonly string[]): string[] {
  return at(...words).candidates.map(({ word }) => word);
}

describe('completion', () => {
  test('must offer commands, with what they do, and none that is hidden', () => {
    expect(wordsAt('un')).toEqual(['unpause']);
    expect(at('up').candidates[0]?.description).toBe(
      'create and start containers, and show their logs',
    );
    expect(wordsAt('')).toContain('system');
    expect(wordsAt('')).not.toContain('__complete');
    expect(wordsAt('system', '')).toEqual(['df', 'prune', 'info', 'events']);
    expect(wordsAt('volume', 'pr')).toEqual(['prune']);
  });

  test('must offer the options of the command, or those before it', () => {
    expect(wordsAt('up', '--abort-on-container-e')).toEqual(['--abort-on-container-exit']);
    expect(wordsAt('--prog')).toEqual(['--progress']);
    expect(wordsAt('volume', 'rm', '--')).toEqual(['--force', '--help']);
    expect(wordsAt('up', '--', '--no')).toEqual([]);
  });

  test('must offer the values that an option can have', () => {
    expect(wordsAt('--progress', 'p')).toEqual(['plain']);
    expect(wordsAt('ls', '--format', '')).toEqual(['table', 'json']);
    expect(at('--profile', '')).toMatchObject({ names: 'profiles', candidates: [] });
    expect(at('-p', '').names).toBe('projects');
    expect(at('up', '--attach', '').names).toBe('services');
    expect(at('-f', '').names).toBeNull();
  });

  test.each<readonly [readonly string[], Completion['names']]>([
    [['up', ''], 'services'],
    [['up', '-d', '--scale', 'a=1', 'web', ''], 'services'],
    [['exec', '-T', ''], 'services'],
    [['exec', 'web', ''], null],
    [['exec', 'web', 'ls', '-'], null],
    [['network', 'rm', 'a', ''], 'networks'],
    [['network', 'connect', ''], 'networks'],
    [['network', 'connect', 'back', ''], 'containers'],
    [['network', 'create', ''], null],
    [['volume', 'inspect', ''], 'volumes'],
    [['image', 'ls', ''], 'images'],
    [['container', 'ls', ''], null],
  ])('must know of what a name is: %j', (words, names) => {
    expect(at(...words)).toMatchObject({ names, candidates: [] });
  });

  test('must tell which file and engine is meant', () => {
    expect(
      at('-f', 'a.yaml', '--file=b.yaml', '-H', 'unix:///x', '--dry-run', 'up', '').global,
    ).toEqual({
      file: ['a.yaml', 'b.yaml'],
      host: 'unix:///x',
      dryRun: true,
    });
  });
});
