/** Which devices a container may use where a program of the kernel decides, as there is no controller for it in v2. */
import { describe, expect, test } from 'vitest';

import { missingForMicrovm, useGuest } from './guest.ts';

const names = missingForMicrovm.join() || 'nothing';

/** Makes each node and opens it for reading and for writing; one line a node, of what was not refused with EPERM. */
const script = `mkdir -p /nodes
for node in "c 1 1" "c 1 3" "c 1 5" "c 1 7" "c 1 8" "c 1 9" "c 1 11" "c 5 0" "c 10 1" "b 254 0" "b 7 0"; do
  path=/nodes/$(echo "$node" | tr " " -); line=$node
  busybox mknod $path $node 2>/dev/null && line="$line made"
  for mode in "read <" "write >>"; do
    set -- $mode
    error=$( (eval ": $2 $path") 2>&1 )
    case $error in *"Operation not permitted"*) ;; *) line="$line $1" ;; esac
  done
  echo "$line"
done`;

const unnamed = ['c 1 1 made', 'c 1 11 made', 'c 10 1 made', 'b 254 0 made', 'b 7 0 made'];
const harmless = ['c 1 3', 'c 1 5', 'c 1 7', 'c 1 8', 'c 1 9', 'c 5 0'].map(
  (node) => `${node} made read write`,
);

/** All of them, with the changes that a row names. */
function matrix(changes: Readonly<Record<string, string>> = {}): readonly string[] {
  const changed = Object.entries(changes).map(([node, access]) => `${node}${access}`);
  const rest = [...unnamed, ...harmless].filter(
    (line) => !Object.keys(changes).some((node) => line.startsWith(`${node} `)),
  );
  return [...rest, ...changed].sort();
}

describe.skipIf(missingForMicrovm.length > 0)(`devices on cgroup v2 (missing: ${names})`, () => {
  const guest = useGuest();

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['nothing, only the harmless', [], matrix()],
    [
      'a device for reading, that one for reading',
      ['--device', '/dev/vda:/dev/disk:r'],
      matrix({ 'b 254 0': ' made read' }),
    ],
    [
      'a rule, what it says and not to make it means nothing',
      ['--device-cgroup-rule', 'c 1:11 w', '--device-cgroup-rule', 'b 7:* rw'],
      matrix({ 'c 1 11': ' made write', 'b 7 0': ' made read write' }),
    ],
    [
      'privileged, everything',
      ['--privileged'],
      [...unnamed, ...harmless].map((line) => line.replace(/ made.*/, ' made read write')).sort(),
    ],
    [
      'no right to make nodes, none of them',
      ['--cap-drop', 'MKNOD'],
      [...unnamed, ...harmless].map((line) => line.replace(/ made.*/, ' read write')).sort(),
    ],
  ])('a container that is given %s', async (_name, options, expected) => {
    const lines = (await guest.output(options, 'sh', '-c', script)).split('\n');
    expect(lines.sort()).toEqual(expected);
  });

  test('an exec must be confined as its container', async () => {
    const id = await guest.running();
    const lines = await guest.docker.ok(
      'exec',
      '--privileged',
      id,
      '/bin/busybox',
      'sh',
      '-c',
      script,
    );
    expect(lines.split('\n').sort()).toEqual(matrix());
    await guest.docker.ok('rm', '-f', id);
  });
});
