import { EngineError } from '../api/index.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { validateName } from './validate.ts';

/** A running container keeps its old DNS name until it is started again. */
export async function renameContainer(
  ctx: Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events'>,
  ref: string,
  wanted: string,
): Promise<void> {
  const container = ctx.containers.find(ref);
  const name = wanted.startsWith('/') ? wanted.slice(1) : wanted;
  validateName(name);
  await ctx.locks.run(container.id, async () => {
    const oldName = container.name;
    if (oldName === name) {
      throw new EngineError(
        'invalid-argument',
        'Renaming a container with the same name as its current name',
      );
    }
    ctx.containers.claimName(name, container.id);
    const record = { ...container.record, name };
    try {
      await ctx.records.put(container.id, record);
    } catch (error) {
      ctx.containers.releaseName(name, container.id);
      throw error;
    }
    container.record = record;
    ctx.containers.releaseName(oldName, container.id);
    publishContainer(ctx, container, { action: 'rename', extra: { oldName: `/${oldName}` } });
  });
}
