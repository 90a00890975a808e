/** What every renderer of progress does, and the words they share. */
import type { Plan, ProgressEvent, ProgressStatus } from '../../compose/index.ts';

export interface ProgressView {
  /** A plan is about to be executed; called again when another follows. */
  begin(plan: Plan): void;
  event(event: ProgressEvent): void;
  /** Resolves when the last state is on the screen, and leaves the cursor below it. */
  end(): Promise<void>;
}

const nouns = {
  container: 'Container',
  network: 'Network',
  volume: 'Volume',
  image: 'Image',
} as const;

export function subjectOf({ resource, name }: Pick<ProgressEvent, 'resource' | 'name'>): string {
  return `${nouns[resource]} ${name}`;
}

export function wordOf(status: ProgressStatus): string {
  if (status === 'in-use') return 'Resource is still in use';
  // docker compose's word for the way to `Recreated`.
  if (status === 'recreating') return 'Recreate';
  return status.charAt(0).toUpperCase() + status.slice(1);
}

/** What a resource stays at; the other statuses are on the way to one of these. */
const settled: Readonly<Record<ProgressStatus, boolean>> = {
  creating: false,
  created: true,
  starting: false,
  started: true,
  running: true,
  waiting: false,
  healthy: true,
  exited: true,
  recreating: false,
  recreated: true,
  stopping: false,
  stopped: true,
  removing: false,
  removed: true,
  restarting: false,
  killing: false,
  killed: true,
  paused: true,
  unpaused: true,
  'in-use': true,
  error: true,
};

export function isSettled(status: ProgressStatus): boolean {
  return settled[status];
}

export const quietProgress: ProgressView = {
  begin: () => undefined,
  event: () => undefined,
  end: () => Promise.resolve(),
};
