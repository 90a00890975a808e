/** What every message of a shim is made of, and how it says that something failed. Drawn in native/PROTOCOL.md. */
import { errnoName } from '../../native/index.ts';

export const frameHeaderBytes = 8;

/** Where the shim was when something failed; the position in the list is the number on the wire. */
export const shimStages = [
  'none',
  'executable',
  'specification',
  'control-socket',
  'log',
  'stdio',
  'clone',
  'cgroup',
  'network-namespace',
  'propagation',
  'root',
  'mount',
  'device',
  'link',
  'sysctl',
  'masked-path',
  'readonly-path',
  'hostname',
  'pivot-root',
  'rlimit',
  'oom-score',
  'session-keyring',
  'working-directory',
  'user',
  'capabilities',
  'no-new-privileges',
  'seccomp',
  'start',
  'exec',
  'terminal',
  'namespaces',
  'hook',
  'scheduling',
  'runtime',
  'attribute',
] as const;
export type ShimStage = (typeof shimStages)[number];

/** What a shim reports when it could not start the program: at which stage, why ("ENOENT") and about which path. */
export interface ShimFailure {
  readonly stage: ShimStage;
  readonly errno: string;
  readonly path: string;
}

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

export function frame(type: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

/** u32 stage, u32 errno, u32 length of the path, u32 zero, path */
export function decodeFailure(record: Buffer, offset: number): ShimFailure {
  const stage = shimStages[record.readUInt32LE(offset)];
  if (stage === undefined) throw new ProtocolError(`unknown stage ${record.readUInt32LE(offset)}`);
  return {
    stage,
    errno: errnoName(record.readUInt32LE(offset + 4)),
    path: record.toString('utf8', offset + 16),
  };
}

export function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw new ProtocolError(`${what} of ${bytes.length} bytes instead of ${length}`);
  }
}
