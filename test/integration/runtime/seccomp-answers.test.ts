/**
 * What the kernel answers to every call under our filter. The filter is the real one but for its word to allow, which is
 * an errno that no call gives: so all calls can be made, those that end a process or the machine as well. That the answers
 * are the table's is shown by the unit tests, which compare the same interpreter with moby's profile.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  capabilityBit,
  capabilityNames,
  capabilitySet,
  defaultCapabilities,
} from '../../../engine/runtime/capabilities.ts';
import { allowedWith } from '../../../engine/runtime/seccomp-profile.ts';
import { seccompFilter } from '../../../engine/runtime/seccomp.ts';
import { runFilter } from '../../unit/engine/runtime/bpf-interpreter.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir, type TempDir } from '../../lib/temp-dir.ts';

const run = promisify(execFile);
const absent = missing('cc');
const title = `every call in the kernel (missing: ${absent.join() || 'nothing'})`;
const architecture = arch() === 'arm64' ? 'aarch64' : 'x86_64';
const machines = {
  x86_64: { 64: 0xc000_003e, 32: 0x4000_0003 },
  aarch64: { 64: 0xc000_00b7 },
} as const;
/** Above every errno, and one that the kernel still returns as it is (MAX_ERRNO is 4095). */
const allowedErrno = 4000;
const x32Bit = 0x4000_0000;
const every = capabilitySet(capabilityNames);

const sets: readonly (readonly [name: string, set: bigint])[] = [
  ['Docker’s default', capabilitySet(defaultCapabilities)],
  ['none', 0n],
  ['all', every],
  ...allowedWith.map(([name]) => [name, capabilityBit(name)] as const),
  ['all but SYS_ADMIN', every & ~capabilityBit('SYS_ADMIN')],
];

/** At the borders of every condition of the profile. */
const firsts = [
  ...[0n, 1n, 2n, 8n, 16n, 37n, 38n, 39n, 40n, 41n, 0x20000n, 0x20008n, 0x1200011n, 0x2000000n],
  ...[0x3d0f00n, 0x10000000n, 0x40000000n, 0x7e020000n, 0xffffffffn, 0x1_0000_0026n],
];

/** uretprobe and uprobe of x86_64, which the kernel lets through every filter (Linux 6.12), to a SIGILL. */
const unfiltered: ReadonlySet<number> = new Set(architecture === 'x86_64' ? [335, 336] : []);

interface Call {
  readonly abi: '64' | '32';
  readonly number: number;
  readonly first: bigint;
}

/** Numbers that no table has are among them, and the x32 entry of each. */
function calls(): readonly Call[] {
  const numbers = Array.from({ length: 520 }, (_, number) => number);
  const x32 = architecture === 'x86_64' ? numbers.map((number) => number + x32Bit) : [];
  const plain = [...numbers.filter((number) => !unfiltered.has(number)), ...x32].map((number) => ({
    abi: '64' as const,
    number,
    first: 0n,
  }));
  const compat =
    architecture === 'x86_64'
      ? numbers.map((number) => ({ abi: '32' as const, number, first: 0n }))
      : [];
  const conditional = architecture === 'x86_64' ? [41, 56, 135] : [198, 220, 92];
  const withArguments = conditional.flatMap((number) =>
    firsts.map((first) => ({ abi: '64' as const, number, first })),
  );
  // clone, personality and socket of i386, whose arguments have 32 bits.
  const compatWithArguments =
    architecture === 'x86_64'
      ? [120, 136, 359].flatMap((number) =>
          firsts
            .filter((first) => first < 2n ** 32n)
            .map((first) => ({ abi: '32' as const, number, first })),
        )
      : [];
  return [...plain, ...compat, ...withArguments, ...compatWithArguments];
}

function answerOf(filter: Uint8Array, { abi, number, first }: Call): number {
  const machine = (machines[architecture] as Readonly<Record<string, number>>)[abi] ?? 0;
  const outcome = runFilter(filter, {
    ...{ number, architecture: machine },
    arguments: [first, 0n, 0n, 0n, 0n, 0n],
  });
  return outcome.action === 'allow' ? allowedErrno : outcome.errno;
}

/** The same filter, whose answers to allow are the errno. */
function withoutAllowing(filter: Uint8Array): Uint8Array {
  const changed = Buffer.from(filter);
  for (let at = 0; at < changed.length; at += 8) {
    const isAllow =
      changed.readUInt16LE(at) === 0x06 && changed.readUInt32LE(at + 4) === 0x7fff_0000;
    if (isAllow) changed.writeUInt32LE(0x0005_0000 | allowedErrno, at + 4);
  }
  return changed;
}

describe.skipIf(absent.length > 0)(title, () => {
  let directory: TempDir;
  const program = (): string => join(directory.path, 'answers');

  beforeAll(async () => {
    directory = await tempDir();
    const source = join(import.meta.dirname, 'seccomp-answers.c');
    await run('cc', ['-O1', '-o', program(), source]);
  });
  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
  });

  test.each(sets)('with the capabilities %s must be answered by the table', async (_name, set) => {
    const filter = seccompFilter({ architecture, capabilities: set });
    const asked = calls();
    const path = join(directory.path, 'filter');
    await writeFile(path, withoutAllowing(filter));
    const child = run(program(), [path], { maxBuffer: 16 << 20 });
    child.child.stdin?.end(
      asked.map(({ abi, number, first }) => `${abi} ${number} ${first}`).join('\n'),
    );
    const answers = (await child).stdout.trim().split('\n');
    const expected = asked.map(
      (call) => `${call.abi} ${call.number} ${call.first} ${answerOf(filter, call)}`,
    );
    expect(answers).toEqual(expected);
    expect(asked.filter(({ abi }) => abi === '64').length).toBeGreaterThan(470);
  });
});
