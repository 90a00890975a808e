import { describe, expect, test } from 'vitest';
import { resolveUser } from '../../../../engine/containers/user.ts';

/** With the entries that attacks on this lookup use: names that are numbers, ids that are none, ids out of range. */
const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
# comment:x:77:77::/:
alice:x:1000:1000:Alice:/home/alice:/bin/bash
bob:x:1001:100::/home/bob:
alice:x:2000:2000:second of the name:/home/other:
1000:x:0:0:a name of digits:/root:
4294967296:x:0:0::/root:
2147483648:x:0:0::/root:
-1:x:0:0::/root:
large:x:4294967296:0::/root:
negative:x:-1:0::/root:
noid:x:::nothing:/root:
text:x:zero:0::/root:
short:x:5
nohome:x:1002:1002:::
relative:x:1003:1003::home:
user.name-ok_1:x:1004:1004::/home/u:
:x:0:0:no name:/root:

crlf:x:1005:1005::/home/crlf:/bin/sh\r
`;

const group = `root:x:0:
daemon:x:1:
users:x:100:alice,bob
audio:x:29:alice
wheel:x:10:alice,root
1000:x:0:alice
alice:x:1000:
big:x:99999999999:alice
bad:x:-5:alice
empty:x:6
docker:x:998:bobby
`;

/** "uid:gid groups home" */
function resolve(user: string, groupAdd: readonly string[] = []): string {
  const { uid, gid, groups, home } = resolveUser({ user, groupAdd, passwd, group });
  return `${uid}:${gid} [${groups.join(' ')}] ${home}`;
}

describe('a user that can be resolved', () => {
  test.each([
    ['', '0:0 [0 10] /root'],
    ['root', '0:0 [0 10] /root'],
    ['0', '0:0 [0 10] /root'],
    ['0:0', '0:0 [0] /root'],
    ['00', '0:0 [0 10] /root'],
    ['1', '1:1 [1] /usr/sbin'],
    ['daemon', '1:1 [1] /usr/sbin'],
    ['alice', '1000:1000 [1000 100 29 10 0] /home/alice'],
    ['1000', '1000:1000 [1000 100 29 10 0] /home/alice'],
    ['alice:', '1000:1000 [1000 100 29 10 0] /home/alice'],
    ['1000:', '1000:1000 [1000 100 29 10 0] /home/alice'],
    ['1000:1000', '1000:1000 [1000] /home/alice'],
    ['alice:users', '1000:100 [100] /home/alice'],
    ['alice:100', '1000:100 [100] /home/alice'],
    ['alice:4242', '1000:4242 [4242] /home/alice'],
    ['alice:0', '1000:0 [0] /home/alice'],
    ['bob', '1001:100 [100] /home/bob'],
    ['2000', '2000:2000 [2000 100 29 10 0] /home/other'],
    ['4242', '4242:0 [0] /'],
    ['4242:100', '4242:100 [100] /'],
    ['77', '77:0 [0] /'],
    ['5', '5:0 [0] /'],
    [':0', '0:0 [0] /root'],
    [':1', '0:1 [1] /root'],
    [':users', '0:100 [100] /root'],
    ['2147483647', '2147483647:0 [0] /'],
    ['2147483647:2147483647', '2147483647:2147483647 [2147483647] /'],
    ['nohome', '1002:1002 [1002] /'],
    ['relative', '1003:1003 [1003] /'],
    ['user.name-ok_1', '1004:1004 [1004] /home/u'],
    ['crlf', '1005:1005 [1005] /home/crlf'],
    ['0001', '1:1 [1] /usr/sbin'],
  ])('%j is %s', (user, expected) => {
    expect(resolve(user)).toBe(expected);
  });
});

describe('a user that must be refused', () => {
  const range = 'uids and gids must be in range 0-2147483647';
  const noUser = 'no matching entries in passwd file';
  const noGroup = 'no matching entries in group file';
  const invalid = 'invalid user';

  test.each([
    ['2147483648', range],
    ['4294967295', range],
    ['4294967296', range],
    ['4294967297', range],
    ['18446744073709551616', range],
    ['99999999999999999999999999', range],
    ['-1', range],
    ['-0', range],
    ['+1', range],
    ['+0', range],
    ['-2147483648', range],
    ['1000:-1', range],
    ['1000:+1', range],
    ['1000:4294967296', range],
    ['1000:2147483648', range],
    [':4294967296', range],
    ['0:-0', range],
    ['nobody', noUser],
    ['Root', noUser],
    ['large', noUser],
    ['negative', noUser],
    ['noid', noUser],
    ['text', noUser],
    ['short', noUser],
    ['# comment', invalid],
    ['#', noUser],
    ['0x0', noUser],
    ['0x3e8', noUser],
    ['1e3', noUser],
    ['1_000', noUser],
    ['1.0', noUser],
    ['٠', noUser],
    ['１', noUser],
    ['*', noUser],
    ['__proto__', noUser],
    ['constructor', noUser],
    ['alice:nogroup', noGroup],
    ['alice:big', noGroup],
    ['alice:bad', noGroup],
    ['1000:0x0', noGroup],
    ['0:root ', invalid],
    [':', invalid],
    ['::', invalid],
    ['1:2:3', invalid],
    ['alice:users:', invalid],
    [' ', invalid],
    [' 0', invalid],
    ['1000 ', invalid],
    ['1000\n', invalid],
    ['1000\n0', invalid],
    ['1000\0', invalid],
    ['alice\t', invalid],
    ['root\r', invalid],
  ])('%j: %s', (user, message) => {
    expect(() => resolve(user)).toThrow(message);
  });
});

describe('further groups', () => {
  test('names and numbers must be added once', () => {
    expect(resolve('bob', ['audio', '29', '4242', '100'])).toBe('1001:100 [100 29 4242] /home/bob');
  });

  test.each([
    ['nogroup', 'unable to find group nogroup'],
    ['-1', 'must be in range 0-2147483647: group -1'],
    ['4294967296', 'must be in range 0-2147483647: group 4294967296'],
  ])('%s must be refused', (name, message) => {
    expect(() => resolve('bob', [name])).toThrow(message);
  });
});

describe('an image without the files', () => {
  const nothing = { passwd: '', group: '', groupAdd: [] };

  test('numbers must do', () => {
    expect(resolveUser({ ...nothing, user: '' })).toEqual({
      uid: 0,
      gid: 0,
      groups: [0],
      home: '/',
    });
    expect(resolveUser({ ...nothing, user: '5:6' })).toEqual({
      uid: 5,
      gid: 6,
      groups: [6],
      home: '/',
    });
  });

  test('names must be refused, root as well', () => {
    expect(() => resolveUser({ ...nothing, user: 'root' })).toThrow('unable to find user root');
  });
});

describe('hostile files', () => {
  test('a megabyte without a line break must take no time', () => {
    const start = performance.now();
    const hostile = { passwd: 'a:'.repeat(500_000), group: `g:x:1:${'m,'.repeat(500_000)}` };
    expect(resolveUser({ ...hostile, user: '1', groupAdd: [] }).uid).toBe(1);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
