/**
 * The world as compose/ sees it: files, variables, a home. Everything is read through this port, so
 * loading a project is a pure function of its request and a Host; cli/host.ts is the real one.
 */

import type { GitReference, OciReference } from './load/remote.ts';

/** What reading a path gave. Reasons are lower-case fragments that follow "cannot read F: ". */
export type FileRead =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'failed'; readonly reason: string };

/** What a reference to another machine is at the moment. */
export type RemoteRead =
  /** `file` is the compose file on this machine, absolute. */
  | { readonly kind: 'fetched'; readonly file: string }
  /** Not here yet. The Host remembers that it was asked, so that whoever loads can fetch it and load again. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'failed'; readonly reason: string; readonly hint?: string };

/** Who runs the command. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Root, on behalf of this user. */
  readonly isThroughSudo: boolean;
}

export interface Host {
  /** Absent where there are no users. */
  readonly caller?: Caller;
  /** Variables of the caller, as they win over every env file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `~` stands for, or null where the caller has no home. */
  readonly home: string | null;
  /** Reads an absolute path as UTF-8. Never throws for what the file system says. */
  readFile(path: string): FileRead;
  /** Names of what stands in a directory; none where it cannot be read. */
  list(path: string): readonly string[];
  /** sha256 of a regular file's bytes in hex; null where there is none to read. */
  fileDigest(path: string): string | null;
  /** All of a regular file; null where there is none to read, or more than belongs into a secret. */
  fileBytes(path: string): Uint8Array | null;
  /** A compose file in a git repository or a registry. Absent: there are none. Never throws, never waits. */
  remote?(text: string, reference: GitReference | OciReference): RemoteRead;
  /** All of standard input, for `-f -`. */
  readStdin(): string;
}
