import { describe, expect, test } from 'vitest';
import {
  chooseLabels,
  levelOf,
  mayBeRelabelled,
  parseContexts,
  sharedLabel,
} from '../../../../engine/runtime/selinux.ts';

const text = `process = "system_u:system_r:container_t:s0"
content = "system_u:object_r:virt_content_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file="system_u:object_r:container_ro_file_t:s0"
`;
const policy = {
  process: 'system_u:system_r:container_t:s0',
  mount: 'system_u:object_r:container_file_t:s0',
  layers: 'system_u:object_r:container_ro_file_t:s0',
};

describe('parseContexts', () => {
  test.each([
    [text, policy],
    [text.replace(/ro_file.*/, ''), { ...policy, layers: policy.mount }],
    [text.replaceAll('"', ''), policy],
    ['process = "a:b:c:s0"', null],
    ['', null],
  ])('%j must be %j', (contexts, expected) => {
    expect(parseContexts(contexts)).toEqual(expected);
  });
});

describe('chooseLabels', () => {
  const none = { options: [], sharedProcess: null, isUnconfined: false } as const;
  const choose = (
    request: Partial<Parameters<typeof chooseLabels>[0]>,
    taken: readonly string[] = [],
  ): ReturnType<typeof chooseLabels> =>
    chooseLabels({ ...none, ...request }, policy, new Set(taken));

  test('programs and files must have one level, of two categories in ascending order', () => {
    const { process, mount } = choose({});
    const level = levelOf(process);
    expect([process, mount]).toEqual([
      `system_u:system_r:container_t:${level}`,
      `system_u:object_r:container_file_t:${level}`,
    ]);
    const [, low, high] = /^s0:c(\d+),c(\d+)$/.exec(level) ?? [];
    expect(Number(low)).toBeLessThan(Number(high));
    expect(Number(high)).toBeLessThan(1024);
  });

  test('a level that is taken, or is kept for containers without, must not be given', () => {
    const pairs = Array.from({ length: 1023 }, (_, low) =>
      Array.from({ length: 1023 - low }, (_unused, more) => `s0:c${low},c${low + more + 1}`),
    ).flat();
    const free = 's0:c17,c400';
    const taken = pairs.filter((level) => level !== free && level !== 's0:c1022,c1023');
    expect(levelOf(choose({}, taken).mount)).toBe(free);
  });

  test.each([
    [
      ['user:u', 'role:r', 'type:t', 'level:s0:c1,c2'],
      'u:r:t:s0:c1,c2',
      'u:object_r:container_file_t:s0:c1,c2',
    ],
    [['level:s0', 'filetype:ft'], 'system_u:system_r:container_t:s0', 'system_u:object_r:ft:s0'],
    [
      ['level:s0', 'type:a', 'type:b'],
      'system_u:system_r:b:s0',
      'system_u:object_r:container_file_t:s0',
    ],
  ])('%j must be %s and %s', (options, process, mount) => {
    expect(choose({ options })).toEqual({ process, mount });
  });

  const unconfined = { process: '', mount: 'system_u:object_r:container_file_t:s0:c1022,c1023' };

  test.each([
    ['disable', { options: ['disable'] }],
    ['a disable among others', { options: ['type:t', 'disable'] }],
    ['privileges', { isUnconfined: true }],
    ['sharing with one that has none', { sharedProcess: '' }],
  ])('programs must have none with %s', (_name, request) => {
    expect(choose(request)).toEqual(unconfined);
  });

  test('privileges must not undo what was asked for', () => {
    const options = ['level:s0:c1,c2'];
    expect(choose({ options, isUnconfined: true }).process).toBe(
      'system_u:system_r:container_t:s0:c1,c2',
    );
  });

  test('who shares must have the label of the other', () => {
    const sharedProcess = 'a:b:c:s0:c3,c4';
    expect(choose({ sharedProcess })).toEqual({
      process: sharedProcess,
      mount: 'a:object_r:container_file_t:s0:c3,c4',
    });
  });

  test.each(['', 'type', 'type:', 'kind:x', 'Disable', 'type::x'])('%j must be refused', (word) => {
    expect(() => choose({ options: [word] })).toThrow(`bad label option ${JSON.stringify(word)}`);
  });

  test('a policy without levels must have none', () => {
    const plain = { process: 'u:r:t', mount: 'u:o:f', layers: 'u:o:f' };
    const labels = chooseLabels(none, plain, new Set());
    expect([labels, sharedLabel(labels.mount)]).toEqual([
      { process: 'u:r:t', mount: 'u:o:f' },
      'u:o:f',
    ]);
  });
});

test('a label that is shared must have no category', () => {
  expect(sharedLabel('u:o:f:s0:c1,c2')).toBe('u:o:f:s0');
});

test.each([
  ['/', false],
  ['/etc', false],
  ['/home/somebody', false],
  ['/home/somebody/project', true],
  ['/srv/data', true],
  ['/var/lib/tscompose/volumes/x', true],
])('%s: whether it may be labelled must be %s', (path, expected) => {
  expect(mayBeRelabelled(path)).toBe(expected);
});
