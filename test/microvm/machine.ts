/** A virtual machine without hardware assistance: booted within a deadline, spoken to over two forwarded ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';

import type { MachineImage } from './image.ts';

export interface MachinePorts {
  readonly script: number;
  readonly engine: number;
}

export interface ScriptResult {
  readonly code: number;
  /** Both streams, without the last line feed. */
  readonly output: string;
}

export interface Machine extends AsyncDisposable {
  readonly ports: MachinePorts;
}

const bootDeadlineMs = 60_000;

/** `options` are for the kernel. Tries once more: an emulated machine may miss its own clock while it starts. */
export async function bootMachine(image: MachineImage, options = ''): Promise<Machine> {
  const first = await tryBoot(image, options);
  if (first.machine !== null) return first.machine;
  const second = await tryBoot(image, options);
  if (second.machine !== null) return second.machine;
  throw new Error(`the microvm did not start, twice:\n${first.console}\n${second.console}`);
}

async function tryBoot(
  image: MachineImage,
  options: string,
): Promise<{ readonly machine: Machine | null; readonly console: string }> {
  const ports = { script: await freePort(), engine: await freePort() };
  const child = spawn('qemu-system-x86_64', [...qemuOptions(image, ports, options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const text = await readUntilReady(child);
  if (text.includes(readyLine))
    return { machine: { ports, [Symbol.asyncDispose]: stop }, console: text };
  await stop();
  return { machine: null, console: text };
}

const readyLine = 'microvm: ready';

async function readUntilReady(child: ChildProcess): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) => {
    const end = (): void => {
      resolve();
    };
    AbortSignal.timeout(bootDeadlineMs).addEventListener('abort', end);
    const read = (chunk: string): void => {
      text += chunk;
      if (text.includes(readyLine)) end();
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    child.once('error', (error) => {
      text += error.message;
      end();
    });
    child.once('exit', end);
  });
  return text;
}

function* qemuOptions(
  image: MachineImage,
  ports: MachinePorts,
  options: string,
): Generator<string> {
  yield* ['-machine', 'microvm,rtc=on', '-accel', 'tcg,thread=multi', '-cpu', 'max'];
  yield* ['-smp', '2', '-m', '1024', '-nodefaults', '-no-user-config', '-no-reboot'];
  yield* ['-display', 'none', '-serial', 'stdio'];
  yield* [
    '-kernel',
    image.kernel,
    '-initrd',
    image.ramdisk,
    '-append',
    `${kernelOptions()} ${options}`,
  ];
  yield* ['-drive', `id=disk,file=${image.disk},format=raw,if=none,snapshot=on`];
  yield* ['-device', 'virtio-blk-device,drive=disk'];
  const forward = (port: number, to: number): string => `hostfwd=tcp:127.0.0.1:${port}-:${to}`;
  const forwards = [forward(ports.script, 1), forward(ports.engine, 2)].join();
  yield* ['-netdev', `user,id=net,restrict=on,${forwards}`];
  yield* ['-device', 'virtio-net-device,netdev=net'];
}

/**
 * This machine has no timer but that of its CPUs, whose rate the kernel measures with one that it has not: without
 * being told, it hangs for ever one time in three.
 */
function kernelOptions(): string {
  const mhz = /^cpu MHz\s*: ([\d.]+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  const khz = Math.round(Number(mhz ?? 2000) * 1000);
  return [
    ...['console=ttyS0', 'quiet', 'loglevel=4', 'panic=-1'],
    ...[`tsc_early_khz=${khz}`, 'tsc=reliable'],
    ...['random.trust_cpu=on', 'mitigations=off', 'nokaslr', 'init_on_alloc=0'],
  ].join(' ');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Runs a shell script in the machine. */
export async function runScript(ports: MachinePorts, script: string): Promise<ScriptResult> {
  const socket = connect(ports.script, '127.0.0.1');
  const bytes = Buffer.from(script);
  socket.write(`${bytes.length}\n`);
  socket.write(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  const text = Buffer.concat(chunks).toString();
  const at = text.lastIndexOf('\n');
  const code = text.slice(at + 1);
  if (!/^\d+$/.test(code)) throw new Error(`the machine did not finish:\n${script}\n${text}`);
  return { code: Number(code), output: text.slice(0, Math.max(0, at)).replace(/\n$/, '') };
}
