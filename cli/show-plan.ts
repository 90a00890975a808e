/** Executes a plan with its progress on the screen. Imported when there is a plan, so that compose/ is loaded anyway. */
import {
  executePlan,
  type EnginePort,
  type Observed,
  type Plan,
  type Project,
} from '../compose/index.ts';
import type { Ui } from './ui/ui.ts';

export interface ShownPlan {
  readonly plan: Plan;
  readonly engine: EnginePort;
  readonly observed: Observed;
  /** For the positions in errors; `down` may have none. */
  readonly project?: Project | undefined;
  readonly ui: Ui;
  readonly signal: AbortSignal;
}

export async function executeShowing(shown: ShownPlan): Promise<void> {
  const { plan, engine, observed, project, ui, signal } = shown;
  const view = await ui.progress();
  view.begin(plan);
  try {
    const { warnings } = await executePlan(plan, {
      engine,
      observed,
      ...(project !== undefined && { project }),
      signal,
      onProgress: (event) => {
        view.event(event);
      },
    });
    await view.end();
    for (const warning of warnings) ui.warn(warning);
  } finally {
    await view.end();
  }
}
