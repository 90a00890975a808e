/** Executes a plan with its progress on the screen. Imported when there is a plan, so that compose/ is loaded anyway. */
import {
  executePlan,
  type EnginePort,
  type ExecuteResult,
  type Observed,
  type Plan,
  type Project,
} from '../compose/index.ts';
import type { PlanOptions } from './plan-options.ts';
import type { Ui } from './ui/ui.ts';

export interface ShownPlan extends PlanOptions {
  readonly plan: Plan;
  readonly engine: EnginePort;
  readonly observed: Observed;
  /** For the positions in errors; `down` may have none. */
  readonly project?: Project | undefined;
  readonly ui: Ui;
  readonly signal: AbortSignal;
}

/** null for a dry run, which only shows the plan. */
export async function executeShowing(shown: ShownPlan): Promise<ExecuteResult | null> {
  const { plan, engine, observed, project, ui, signal, concurrency } = shown;
  if (shown.isDryRun === true) {
    if (!plan.isEmpty) await ui.stdout.write(`${plan.toString()}\n`);
    return null;
  }
  const view = await ui.progress();
  view.begin(plan);
  try {
    const result = await executePlan(plan, {
      engine,
      observed,
      ...(project !== undefined && { project }),
      signal,
      ...(concurrency !== undefined && { concurrency }),
      onProgress: (event) => {
        view.event(event);
      },
    });
    await view.end();
    for (const warning of result.warnings) ui.warn(warning);
    return result;
  } finally {
    await view.end();
  }
}
