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
    await containers.update(id, { RestartPolicy: { Name: 'no' } });
    this.#before.set(id, policy);
  }

  async restore({ containers }: Pick<EnginePort, 'containers'>, id: string): Promise<void> {
    const policy = this.#before.get(id);
    if (policy === undefined) return;
    await containers.update(id, { RestartPolicy: policy });
    this.#before.delete(id);
  }
}
