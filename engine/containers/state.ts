import { EngineError } from '../api/index.ts';
import type { ContainerStatus } from '../api/index.ts';

/** Every legal move. A pair missing here is a conflict, never a silent no-op. Removed is no state: the record is gone. */
const next = {
  created: ['running', 'removing'],
  running: ['paused', 'restarting', 'exited'],
  paused: ['running', 'exited'],
  restarting: ['running', 'exited'],
  exited: ['running', 'removing'],
  removing: ['dead'],
  dead: ['removing'],
} as const satisfies Record<ContainerStatus, readonly ContainerStatus[]>;

export function canMove(from: ContainerStatus, to: ContainerStatus): boolean {
  return (next[from] as readonly ContainerStatus[]).includes(to);
}

/** Throws the conflict that a client reads when `verb` asks for an illegal move. */
export function assertMove(name: string, from: ContainerStatus, to: ContainerStatus): void {
  if (canMove(from, to)) return;
  throw new EngineError('conflict', `container "${name}" is ${from}, it cannot become ${to}`);
}

/** Docker's `State.Running`: it stays true while a container is paused or between two restarts. */
export function isAlive(status: ContainerStatus): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting';
}
