import { describe, expect, test } from 'vitest';

import {
  canonicalReference,
  EngineError,
  familiarReference,
  parseReference,
  withDefaultTag,
} from '../../../../engine/api/index.ts';
import { random } from '../../../lib/random.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('image reference', () => {
  test.each([
    ['redis', 'docker.io/library/redis', 'redis'],
    ['redis:7', 'docker.io/library/redis:7', 'redis:7'],
    ['docker.io/redis', 'docker.io/library/redis', 'redis'],
    ['index.docker.io/library/redis', 'docker.io/library/redis', 'redis'],
    ['team/app:v1.2-rc_3', 'docker.io/team/app:v1.2-rc_3', 'team/app:v1.2-rc_3'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app:x', 'localhost:5000/app:x', 'localhost:5000/app:x'],
    ['registry.example/a/b/c', 'registry.example/a/b/c', 'registry.example/a/b/c'],
    ['Upper/app', 'Upper/app', 'Upper/app'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    [`redis@${digest}`, `docker.io/library/redis@${digest}`, `redis@${digest}`],
    [`redis:7@${digest}`, `docker.io/library/redis:7@${digest}`, `redis:7@${digest}`],
    ['a__b/c--d.e', 'docker.io/a__b/c--d.e', 'a__b/c--d.e'],
    ['tscompose.local/host:latest', 'tscompose.local/host:latest', 'tscompose.local/host:latest'],
  ])('%s must be %s, shown as %s', (text, canonical, familiar) => {
    const reference = parseReference(text);
    expect(canonicalReference(reference)).toBe(canonical);
    expect(familiarReference(reference)).toBe(familiar);
    expect(parseReference(canonical)).toEqual(reference);
  });

  test.each([
    ['', 'malformed repository name'],
    ['Redis', 'must be lower case'],
    ['team/App', 'must be lower case'],
    ['a//b', 'malformed repository name'],
    ['/a', 'malformed repository name'],
    ['a/', 'malformed repository name'],
    ['a:', 'malformed tag'],
    ['a:b c', 'malformed tag'],
    [`a:${'t'.repeat(129)}`, 'malformed tag'],
    ['-a', 'malformed repository name'],
    ['a___b', 'malformed repository name'],
    ['a@sha256:12', 'malformed digest'],
    ['exa mple.com/a', 'malformed registry address'],
    ['-x.com/a', 'malformed registry address'],
    ['a'.repeat(64), 'an id, not a name'],
    ['x/'.repeat(130) + 'a', 'longer than 255'],
  ])('"%s" must be refused: %s', (text, why) => {
    expect(() => parseReference(text)).toThrow(why);
  });

  test('latest must be implied only where nothing else says which', () => {
    const shown = (text: string): string => familiarReference(withDefaultTag(parseReference(text)));
    expect([shown('a'), shown('a:1'), shown(`a@${digest}`)]).toEqual([
      'a:latest',
      'a:1',
      `a@${digest}`,
    ]);
  });

  test('no text must make it fail otherwise than with EngineError, nor slowly', () => {
    const next = random(3);
    const alphabet = 'aA0._-:/@[]é \n';
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: next(40) }, () => alphabet[next(alphabet.length)]).join('');
      try {
        const reference = parseReference(text);
        expect(parseReference(canonicalReference(reference))).toEqual(reference);
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }
    const started = performance.now();
    expect(() => parseReference('a-'.repeat(50_000))).toThrow(EngineError);
    expect(performance.now() - started).toBeLessThan(200);
  });
});
