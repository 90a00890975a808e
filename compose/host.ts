/**
 * The world as compose/ sees it: files, variables, a home. Everything is read through this port, so
 * loading a project is a pure function of its request and a Host; cli/host.ts is the real one.
 */

/** What reading a path gave. Reasons are lower-case fragments that follow "cannot read F: ". */
export type FileRead =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Host {
  /** Variables of the caller, as they win over every env file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `~` stands for, or null where the caller has no home. */
  readonly home: string | null;
  /** Reads an absolute path as UTF-8. Never throws for what the file system says. */
  readFile(path: string): FileRead;
  /** All of standard input, for `-f -`. */
  readStdin(): string;
}
