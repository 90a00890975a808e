/** How plans are executed, whatever the command: --parallel, COMPOSE_PARALLEL_LIMIT, --dry-run. */
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';

export interface PlanOptions {
  /** Engine calls at a time; absent: as many as are ready. */
  readonly concurrency?: number;
  readonly isDryRun?: boolean;
}

export function planOptions(
  { global, env }: Pick<Context, 'global' | 'env'>,
  { dryRun }: { readonly dryRun?: boolean } = {},
): PlanOptions {
  const limit = global.parallel ?? limitFrom(env['COMPOSE_PARALLEL_LIMIT']);
  return {
    ...(limit !== undefined && limit > 0 && { concurrency: limit }),
    isDryRun: dryRun === true || global.dryRun === true,
  };
}

function limitFrom(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^-?\d{1,9}$/u.test(text)) return Number(text);
  throw new CliError(`COMPOSE_PARALLEL_LIMIT must be an integer (found: "${text}")`);
}
