import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { capabilitySet, defaultCapabilities } from '../../../engine/runtime/capabilities.ts';
import { seccompFilter } from '../../../engine/runtime/seccomp.ts';
import { runFilter } from '../../unit/engine/runtime/bpf-interpreter.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const run = promisify(execFile);
const architecture = arch() === 'arm64' ? 'aarch64' : 'x86_64';
const audit = {
  x86_64: { 64: 0xc000_003e, 32: 0x4000_0003 },
  aarch64: { 64: 0xc000_00b7 },
} as const;
const probe = join(import.meta.dirname, 'seccomp-probe.c');

/** "ABI number errno" of every call that the filter refuses whatever its arguments. */
function refusals(filter: Uint8Array): readonly string[] {
  const numbers = [...Array.from({ length: 520 }, (_, number) => number), 0x4000_0000, 0x4000_0014];
  return Object.entries(audit[architecture]).flatMap(([abi, machine]) =>
    numbers
      // int 0x80 takes the number from a 32-bit register as a signed one.
      .filter((number) => abi === '64' || number < 520)
      .map((number) => ({
        number,
        outcome: runFilter(filter, {
          number,
          architecture: machine,
          arguments: [0n, 0n, 0n, 0n, 0n, 0n],
        }),
      }))
      .filter(({ outcome }) => outcome.action === 'errno')
      .map(({ number, outcome }) => `${abi} ${number} ${outcome.errno}`),
  );
}

async function inKernel(filter: Uint8Array, calls: readonly string[]): Promise<readonly string[]> {
  await using dir = await tempDir();
  const program = join(dir.path, 'probe');
  await run('cc', ['-O1', '-o', program, probe]);
  await writeFile(join(dir.path, 'filter'), filter);
  const child = run(program, [join(dir.path, 'filter')]);
  child.child.stdin?.end(calls.join('\n'));
  const { stdout } = await child;
  return stdout.trim().split('\n');
}

describe('the seccomp filter in the kernel', () => {
  test.each([
    ['Docker’s default capabilities', capabilitySet(defaultCapabilities)],
    ['no capability', 0n],
  ])('with %s it must refuse what the interpreter refuses', async (_, capabilities) => {
    const filter = seccompFilter({ architecture, capabilities });
    const expected = refusals(filter);
    const calls = expected.map((line) => line.split(' ').slice(0, 2).join(' '));
    const [loaded, ...answers] = await inKernel(filter, calls);
    expect(loaded).toMatch(/^loaded \d+$/);
    expect(answers).toEqual(expected);
    expect(answers.length).toBeGreaterThan(100);
  });
});
