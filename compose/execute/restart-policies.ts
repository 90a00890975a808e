import type { RestartPolicy } from '../../engine/api/index.ts';
import type { EnginePort } from './engine.ts';

/**
 * Those that containers had before they were set aside: an engine that starts anew would start them again beside their
 * successors.
 */
export class RestartPolicies {
  readonly #before = new Map<string, RestartPolicy>();

  async suspend({ containers }: Pick<EnginePort, 'containers'>, id: string): Promise<void> {
    const { HostConfig } = await containers.inspect(id);
    const policy = HostConfig.RestartPolicy;
    if (policy === undefined || ['', 'no', undefined].includes(policy.Name)) return;
    // Also when the answer is lost.
    this.#before.set(id, policy);
    await containers.update(id, { RestartPolicy: { Name: 'no' } });
  }

  async restore({ containers }: Pick<EnginePort, 'containers'>, id: string): Promise<void> {
    const policy = this.#before.get(id);
    if (policy === undefined) return;
    await containers.update(id, { RestartPolicy: policy });
    this.#before.delete(id);
  }

  /** For the end of a run that has failed: what still runs is the service, whatever it is called. Never rejects. */
  async restoreRunning({ containers }: Pick<EnginePort, 'containers'>): Promise<void> {
    for (const id of [...this.#before.keys()]) {
      try {
        const { State } = await containers.inspect(id);
        if (State.Running) await this.restore({ containers }, id);
      } catch {
        // Removed meanwhile, or the engine is gone: the run's own error says more.
      }
    }
  }
}
