export interface RunRecord {
  readonly directory: string;
  /** For the commands of the run. */
  readonly env: Readonly<Record<string, string>>;
}
export interface RecordedEngine {
  readonly root: string;
  readonly instance: string;
}
export function beginRun(): RunRecord;
export function endRun(run: RunRecord): void;
/** Into the record of this process’s run, unless it is told another. */
export function recordEngine(engine: RecordedEngine, directory?: string): void;
export function sweepRun(run: { readonly directory: string }): Promise<readonly string[]>;
export function sweepDeadRuns(): Promise<readonly string[]>;
