import { EngineError } from '../api/index.ts';
import { checkRoots, createLayout, type Layout } from '../store/index.ts';

export interface DaemonRequest {
  /** Absolute; outlives a reboot. */
  readonly stateRoot: string;
  /** Absolute; lost with a reboot. */
  readonly runRoot: string;
  /** Gets one byte when the engine serves, and is closed; closed without one when it never will. */
  readonly readyFd?: number;
}

export interface Config {
  readonly stateRoot: string;
  readonly runRoot: string;
  readonly readyFd: number | null;
  readonly layout: Layout;
}

/** Throws EngineError `invalid-argument` for what no engine could run with. */
export function createConfig({ stateRoot, runRoot, readyFd }: DaemonRequest): Config {
  checkRoots({ stateRoot, runRoot });
  if (stateRoot === runRoot) {
    throw new EngineError('invalid-argument', 'state root and run root are the same directory', {
      hint: 'choose two: one is lost with a reboot',
    });
  }
  if (readyFd !== undefined && !(Number.isInteger(readyFd) && readyFd > 2)) {
    throw new EngineError(
      'invalid-argument',
      `invalid descriptor ${readyFd} to report readiness on`,
    );
  }
  return {
    stateRoot,
    runRoot,
    readyFd: readyFd ?? null,
    layout: createLayout({ stateRoot, runRoot }),
  };
}
