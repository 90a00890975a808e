import { ComposeError, ComposeErrors, composeErrorsOf } from '../errors.ts';
import { observe } from '../plan/observe.ts';
import type { Plan } from '../plan/plan.ts';
import { planRollback } from '../plan/rollback.ts';
import type { ExecuteOptions } from './executor.ts';

export interface FailedRun {
  /** What the run has failed with. */
  readonly error: unknown;
  readonly updates: readonly EndedUpdate[];
}

export interface EndedUpdate {
  readonly service: string;
  /** Everything is taken back; else what has lost its place and has no successor. */
  readonly isWhole: boolean;
}

/** Mends updates that have come to no end; returns what to throw: the failure of the run, and those of the way back. */
export async function rollBack(
  { error, updates }: FailedRun,
  { project, observed: before, ...options }: ExecuteOptions,
  execute: (plan: Plan, options: ExecuteOptions) => Promise<unknown>,
): Promise<unknown> {
  const failures = [...(composeErrorsOf(error) ?? [])];
  if (failures.length === 0 || project === undefined || before === undefined) return error;
  for (const { service, isWhole } of updates) {
    try {
      const now = await observe(options.engine, project.name);
      const plan = planRollback({ project, service, isWhole, before, now });
      await execute(plan, { ...options, project, observed: now });
    } catch (reason) {
      failures.push(...(composeErrorsOf(reason) ?? [asFailure(service, reason)]));
    }
  }
  return new ComposeErrors(failures);
}

function asFailure(service: string, cause: unknown): ComposeError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ComposeError(
    'update-failed',
    `update of service "${service}" cannot be taken back: ${message}`,
    { cause },
  );
}
