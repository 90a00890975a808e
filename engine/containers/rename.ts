import { EngineError } from '../api/index.ts';
import { changeRecord } from './change.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { withContainer } from './locked.ts';
import { validateName } from './validate.ts';

/** A running container keeps its old DNS name until it is started again. */
export async function renameContainer(
  ctx: Pick<ContainerContext, 'containers' | 'locks' | 'records' | 'events'>,
  ref: string,
  wanted: string,
): Promise<void> {
  const name = wanted.startsWith('/') ? wanted.slice(1) : wanted;
  const work = (container: Container): Promise<void> => renameLocked(ctx, container, name);
  await withContainer(ctx, ref, { work });
}

async function renameLocked(
  ctx: Pick<ContainerContext, 'containers' | 'records' | 'events'>,
  container: Container,
  name: string,
): Promise<void> {
  const oldName = container.name;
  if (oldName === name) {
    throw new EngineError(
      'invalid-argument',
      'Renaming a container with the same name as its current name',
    );
  }
  claimName(ctx, container, name);
  try {
    await changeRecord(ctx, container, (record) => ({ ...record, name }));
  } catch (error) {
    ctx.containers.releaseName(name, container.id);
    throw error;
  }
  ctx.containers.releaseName(oldName, container.id);
  publishContainer(ctx, container, { action: 'rename', extra: { oldName: `/${oldName}` } });
}

/** In dockerd's words. */
function claimName(
  { containers }: Pick<ContainerContext, 'containers'>,
  container: Container,
  name: string,
): void {
  try {
    validateName(name);
    containers.claimName(name, container.id);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { kind, hint, details } = error;
    throw new EngineError(kind, `Error when allocating new name: ${error.message}`, {
      ...(hint !== undefined && { hint }),
      ...(details !== undefined && { details }),
      cause: error,
    });
  }
}
