/** How engine-start.ts tells the dispatcher to be the embedded engine. */

export interface DaemonRequest {
  readonly stateRoot: string;
  readonly runRoot: string;
  /** Gets one byte when the engine serves. */
  readonly readyFd: number;
}

export function daemonArguments({ stateRoot, runRoot, readyFd }: DaemonRequest): string[] {
  return [
    'daemon',
    '--ready-fd',
    String(readyFd),
    '--state-root',
    stateRoot,
    '--run-root',
    runRoot,
  ];
}

/** Exactly what `daemonArguments` makes; any other command line is a person's and goes to the parser. */
export function daemonRequest(argv: readonly string[]): DaemonRequest | null {
  const [command, first, readyFd, second, stateRoot, third, runRoot] = argv;
  const isOurs =
    argv.length === 7 &&
    command === 'daemon' &&
    first === '--ready-fd' &&
    second === '--state-root' &&
    third === '--run-root';
  if (!isOurs || stateRoot === undefined || runRoot === undefined) return null;
  return { stateRoot, runRoot, readyFd: Number(readyFd) };
}
