import { describe, expect, test } from 'vitest';
import { ownerMaps } from '../../../volumes/index.ts';

const stranger = 2_147_483_647;

/** What the kernel makes of the lines: one id on the host → the id in the container. */
function seen(map: string, host: number): number | null {
  for (const line of map.trimEnd().split('\n')) {
    const [first = 0, inside = 0, count = 0] = line.split(' ').map(Number);
    if (host >= first && host < first + count) return inside + host - first;
  }
  return null;
}

describe('a map of owners', () => {
  test.each([1, 999, 1000, 65534, stranger - 1, stranger, stranger + 1, 4_294_967_294])(
    'of %i must make the owner root and keep every id somebody',
    (owner) => {
      const { users } = ownerMaps({ uid: owner, gid: 0 });
      expect(seen(users, owner)).toBe(0);
      expect(seen(users, 0)).toBe(stranger);
      if (owner !== stranger) expect(seen(users, stranger)).toBe(owner);
      const ids = [0, 1, 2, 998, 999, 1000, 1001, 65533, 65534, stranger - 1, stranger];
      ids.push(stranger + 1, 4_294_967_293, 4_294_967_294);
      expect(new Set(ids.map((id) => seen(users, id)))).not.toContain(null);
      for (const id of ids)
        if (![0, owner, stranger].includes(id)) expect(seen(users, id)).toBe(id);
      // As many on the host as in the container, no overlap: else the kernel refuses it (user_namespaces(7)).
      const ranges = users
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ').map(Number));
      expect(ranges.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(4_294_967_295);
      const starts = ranges.map(([, inside = 0, count = 0]) => [inside, inside + count] as const);
      starts.sort(([a], [b]) => a - b);
      starts.reduce((end, [first, next]) => {
        expect(first).toBe(end);
        return next;
      }, 0);
    },
  );

  test('of root must change nothing, for users and groups apart', () => {
    expect(ownerMaps({ uid: 0, gid: 7 })).toEqual({
      users: '0 0 4294967295\n',
      groups: [
        '0 2147483647 1',
        '1 1 6',
        '7 0 1',
        '8 8 2147483639',
        '2147483647 7 1',
        '2147483648 2147483648 2147483647\n',
      ].join('\n'),
    });
  });
});
