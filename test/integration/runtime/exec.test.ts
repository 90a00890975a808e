/** Further programs in a sandbox: what they see and may do, how they end, and that nothing of the host is with them. */
import { readFileSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createId } from '../../../engine/lib/index.ts';
import type { SandboxProcess, SandboxSpec } from '../../../engine/runtime/index.ts';
import { connectShim } from '../../../engine/runtime/shim.ts';
import type { Shim } from '../../../engine/runtime/shim.ts';
import type { ExecOutcome } from '../../../engine/runtime/shim-exec.ts';
import { closeFd } from '../../../native/index.ts';
import type { Fd } from '../../../native/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir, type TempDir } from '../../lib/temp-dir.ts';
import { makeBox, start, type SpecChange } from './support.ts';

let dir: TempDir;
let shim: Shim;
let spec: SandboxSpec;

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await shim.signal(9).catch(() => undefined);
  await shim.gone;
  await dir[Symbol.asyncDispose]();
});

/** A sandbox that only waits. */
async function box(change: SpecChange = {}): Promise<void> {
  ({ spec } = makeBox(dir.path, ['sleep', '1000'], change));
  shim = await start(spec);
}

interface Ended {
  readonly outcome: ExecOutcome;
  readonly stdout: string;
  readonly stderr: string;
}

async function exec(
  args: readonly string[],
  { input, ...change }: Partial<SandboxProcess> & { readonly input?: string } = {},
): Promise<Ended> {
  const { descriptors, ended } = await shim.execs.start({
    id: createId(),
    process: { ...spec.process, args, ...change },
    attached: { stdin: input !== undefined, stdout: true, stderr: true },
  });
  const { stdin, stdout, stderr, terminal } = descriptors;
  if (stdin !== null) new Socket({ fd: stdin, readable: false, writable: true }).end(input ?? '');
  const [out, err, outcome] = await Promise.all([
    readAll(terminal ?? stdout),
    readAll(stderr),
    ended,
  ]);
  return { outcome, stdout: out, stderr: err };
}

function socketOf(fd: Fd): Socket {
  return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
}

async function readAll(fd: Fd | null): Promise<string> {
  if (fd === null) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of socketOf(fd) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const sh = (script: string): readonly string[] => ['sh', '-c', script];

describe('an exec', () => {
  test('keeps its streams apart, reads its input to the end, and has its exit code', async () => {
    await box();
    const { outcome, stdout, stderr } = await exec(sh('cat; echo no >&2; exit 7'), { input: 'hi' });
    expect({ stdout, stderr }).toEqual({ stdout: 'hi', stderr: 'no\n' });
    expect(outcome).toMatchObject({ state: 'ended', code: 7, signal: null });
  });

  test.each([0, 1, 126, 127, 255])('may end with code %i', async (code) => {
    await box();
    expect((await exec(sh(`exit ${code}`))).outcome).toMatchObject({ code, signal: null });
  });

  test('that is killed has 128 and the signal as its code', async () => {
    await box();
    expect((await exec(sh('kill -9 $$'))).outcome).toMatchObject({ code: 137, signal: 9 });
  });

  test.each([
    ['nosuchprogram', 'exec', 'ENOENT'],
    ['/etc', 'exec', 'EACCES'],
  ])('%s cannot be run', async (name, stage, errno) => {
    await box();
    const { outcome } = await exec([name]);
    expect(outcome).toMatchObject({ state: 'failed', failure: { stage, errno, path: name } });
  });

  test('in a directory that is not there cannot be run', async () => {
    await box();
    const { outcome } = await exec(['true'], { cwd: '/nowhere' });
    expect(outcome).toMatchObject({
      failure: { stage: 'working-directory', errno: 'ENOENT', path: '/nowhere' },
    });
  });

  test('is in every namespace of the container', async () => {
    await box();
    const script = 'for n in mnt pid uts ipc net cgroup; do readlink /proc/self/ns/$n; done';
    const { stdout } = await exec(sh(script));
    const expected = ['mnt', 'pid', 'uts', 'ipc', 'net', 'cgroup'].map((name) =>
      readlinkSync(`/proc/${shim.containerPid}/ns/${name}`),
    );
    expect(stdout.trim().split('\n')).toEqual(expected);
  });

  test('has the standard streams and nothing else', async () => {
    await box();
    const { stdout } = await exec(sh('exec ls /proc/self/fd'), { input: '' });
    // 3 is how ls reads the directory.
    expect(stdout).toBe('0\n1\n2\n3\n');
  });

  test.each([
    ['with /dev/null of the container for what is not attached', sh('stat -L -c %t:%T /dev/stdin')],
  ])('%s', async (_name, args) => {
    await box();
    expect((await exec(args)).stdout).toBe('1:3\n');
  });

  test('has the credentials of its own specification', async () => {
    await box();
    const status = await exec(sh('cat /proc/self/status'), {
      uid: 1000,
      gid: 1001,
      groups: [1001, 44],
      hasNoNewPrivileges: true,
      capabilities: { ...spec.process.capabilities, effective: 0n, permitted: 0n },
    });
    expect(status.stdout).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    expect(status.stdout).toMatch(/^Gid:\t1001\t1001\t1001\t1001$/m);
    expect(status.stdout).toMatch(/^Groups:\t44 1001 ?$/m);
    expect(status.stdout).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status.stdout).toMatch(/^CapInh:\t0{16}$/m);
    expect(status.stdout).toMatch(/^CapEff:\t0{16}$/m);
    expect(status.stdout).toMatch(/^CapBnd:\t00000000a80425fb$/m);
  });

  test('ends with its container, and is then told so', async () => {
    await box();
    const running = exec(['sleep', '1000']);
    await eventually(async () => {
      expect((await exec(sh('ls /proc'))).stdout).toMatch(/^\d+$/m);
    });
    await shim.signal(9);
    expect((await running).outcome).toMatchObject({ code: 137, signal: 9 });
  });

  test('gets signals by its id', async () => {
    await box();
    const id = createId();
    const { descriptors, started, ended } = await shim.execs.start({
      id,
      process: { ...spec.process, args: ['sleep', '1000'] },
      attached: { stdin: false, stdout: false, stderr: false },
    });
    expect(descriptors).toEqual({ terminal: null, stdin: null, stdout: null, stderr: null });
    await started;
    await shim.execs.signal(id, 15);
    expect(await ended).toMatchObject({ code: 143, signal: 15 });
    await expect(shim.execs.signal(id, 15)).rejects.toThrow('ESRCH');
  });

  test('leaves no zombie in the container', async () => {
    await box();
    for (let i = 0; i < 20; i++) await exec(['true']);
    const states = await exec(sh('cat /proc/[0-9]*/stat'));
    expect(states.stdout).not.toMatch(/\) Z /);
    expect(readFileSync(`/proc/${shim.pid}/task/${shim.pid}/children`, 'utf8').trim()).toBe(
      String(shim.containerPid),
    );
  });

  test('survives its engine: its output goes nowhere and its end is told to the next one', async () => {
    await box();
    const id = createId();
    // More than a pipe holds, and then a code.
    const script = 'sleep 0.2; head -c 1000000 /dev/zero; exit 5';
    const { descriptors, started } = await shim.execs.start({
      id,
      process: { ...spec.process, args: sh(script) },
      attached: { stdin: false, stdout: true, stderr: true },
    });
    await started;
    shim.close();
    for (const fd of [descriptors.stdout, descriptors.stderr]) if (fd !== null) closeFd(fd);
    const next = await connectShim({ controlPath: spec.paths.control, exitPath: spec.paths.exit });
    if (next === null) throw new Error('no shim answers');
    shim = next;
    await eventually(() => {
      expect([...shim.execs.adopted.keys()]).toEqual([id]);
    });
    expect(await shim.execs.adopted.get(id)).toMatchObject({ state: 'ended', code: 5 });
  });
});

describe('the terminal of an exec', () => {
  const terminal = { rows: 33, columns: 101 };

  test('is of the container, has the size asked for, and is its controlling one', async () => {
    await box();
    const { stdout, outcome } = await exec(sh('tty; stty size; ps -o tty= -p $$; exit 3'), {
      terminal,
    });
    expect(stdout).toBe('/dev/pts/0\r\n33 101\r\npts/0\r\n');
    expect(outcome).toMatchObject({ code: 3 });
  });

  test('takes input, and new sizes while it is used', async () => {
    await box();
    const id = createId();
    const { descriptors, started, ended } = await shim.execs.start({
      id,
      process: {
        ...spec.process,
        // A trap ends the read that it interrupts, in dash.
        args: sh('trap "stty size" WINCH; echo ready; read line || read line; echo "<$line>"; cat'),
        terminal,
      },
      attached: { stdin: true, stdout: true, stderr: true },
    });
    await started;
    const socket = socketOf(descriptors.terminal as Fd);
    let seen = '';
    socket.on('data', (bytes: Buffer) => (seen += bytes.toString()));
    await eventually(() => {
      expect(seen).toContain('ready');
    });
    await shim.execs.resize(id, { rows: 12, columns: 34 });
    socket.write('typed\n');
    await eventually(() => {
      expect(seen).toContain('12 34\r\n');
      expect(seen).toContain('<typed>\r\n');
    });
    // ctrl-d is the end of input on a terminal.
    socket.write('\x04');
    expect(await ended).toMatchObject({ state: 'ended', code: 0 });
    socket.destroy();
  });

  test('hangs up when its client is gone', async () => {
    await box();
    const { descriptors, started, ended } = await shim.execs.start({
      id: createId(),
      process: { ...spec.process, args: ['sleep', '1000'], terminal },
      attached: { stdin: true, stdout: true, stderr: true },
    });
    await started;
    closeFd(descriptors.terminal as Fd);
    expect(await ended).toMatchObject({ code: 129, signal: 1 });
  });
});
