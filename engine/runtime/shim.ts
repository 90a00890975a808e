/**
 * One shim from the engine's side: start it, shake hands, reconnect after an engine restart. The shim outlives the
 * engine, so nothing here keeps it alive and closing a `Shim` only ends the conversation.
 */
import type { Fd } from '../../native/index.ts';
import type { ExitStatus, ShimFailure } from './protocol.ts';
import type { SandboxSpec } from './sandbox-spec.ts';

export type { ExitStatus, ShimFailure, ShimStage } from './protocol.ts';

/** The program could not be started. Nothing of the attempt is left. */
export declare class ShimError extends Error implements ShimFailure {
  readonly stage: ShimFailure['stage'];
  readonly errno: string;
  readonly path: string;
}

export interface StartRequest {
  readonly spec: SandboxSpec;
  /** Stay open in the shim until it ends; the caller keeps and closes its own copies. */
  readonly held: readonly Fd[];
  /** Build the sandbox, but run the program only when `Shim.start()` is called. */
  readonly waitsForStart?: boolean;
}

export interface ShimAddress {
  readonly controlPath: string;
  readonly exitPath: string;
}

/** Resolves when the program has been exec'ed (or, with `waitsForStart`, when its sandbox is ready). */
export declare function startShim(request: StartRequest): Promise<Shim>;

/** null: no shim answers there any more; the exit file tells how it ended. */
export declare function connectShim(address: ShimAddress): Promise<Shim | null>;

/** null: there is none. */
export declare function readExitFile(path: string): ExitStatus | null;

export declare class Shim {
  readonly pid: number;
  readonly startTime: bigint;
  readonly containerPid: number;
  readonly containerStartTime: bigint;
  /** Resolves, never rejects: when the program has ended, its output is in the log and its exit file is written. */
  readonly exited: Promise<ExitStatus>;
  /** The shim process is gone, and with it the container's mounts. */
  readonly gone: Promise<void>;
  /** Only after `waitsForStart`: resolves when the program has been exec'ed. */
  start(): Promise<void>;
  signal(signal: number, options?: { readonly all?: boolean }): Promise<void>;
  /** Ends the conversation; shim and container go on. */
  close(): void;
}
