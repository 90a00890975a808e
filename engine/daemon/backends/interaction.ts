/** Attach and exec of engine/containers as their routes want them. */
import { attachContainer, resizeContainer } from '../../containers/attach.ts';
import type { ContainerContext } from '../../containers/context.ts';
import {
  createExec,
  describeExec,
  inspectExec,
  resizeExec,
  startExec,
} from '../../containers/execs.ts';
import type { Execs } from '../../containers/exec-store.ts';
import type { InteractionBackend } from '../routes/index.ts';

export function createInteractionBackend(
  ctx: ContainerContext & { readonly execs: Execs },
): InteractionBackend {
  return {
    attach: (ref, options) => attachContainer(ctx, ref, options),
    resize: (ref, size) => resizeContainer(ctx, ref, size),
    createExec: (ref, request) => createExec(ctx, ref, request),
    inspectExec: async (id) => await Promise.resolve().then(() => inspectExec(ctx, id)),
    describeExec: async (id) => await Promise.resolve().then(() => describeExec(ctx, id)),
    startExec: (id, options) => startExec(ctx, id, options),
    resizeExec: (id, size) => resizeExec(ctx, id, size),
  };
}
