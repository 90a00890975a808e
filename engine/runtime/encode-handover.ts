/** The second part of a specification's header: what only a container has that becomes its creator's. */
import type { Cursor } from './encode.ts';
import { attributesOf } from './mount-attributes.ts';
import type { SandboxHandover, SandboxHook, SandboxMount, SandboxSpec } from './sandbox-spec.ts';

export const handoverBytes = 56;
const descriptorBytes = 8;
const hookBytes = 48;
const extraBytes = 32;

const handoverFlag = { personality: 1, hold: 2 } as const;
const extraFlag = { copyUp: 1, top: 2 } as const;
const targets = { console: 0x10000, container: 0x10001 } as const;
const hookStages = { createContainer: 1, startContainer: 2 } as const;

export function encodeHandover(
  header: Cursor,
  handover: SandboxHandover,
  mounts: SandboxSpec['mounts'],
): void {
  header
    .u32(
      (handover.personality === null ? 0 : handoverFlag.personality) |
        (handover.holds ? handoverFlag.hold : 0),
    )
    .u32(handover.personality ?? 0)
    .u32(handover.ioPriority)
    .u32(handover.seccompFlags)
    .text(handover.timeOffsets)
    .bytes(handover.scheduler, 1);
  const descriptors = handover.descriptors
    .map(({ target, fd }) => ({
      target: typeof target === 'number' ? target : targets[target],
      fd,
    }))
    .sort((a, b) => a.target - b.target);
  header.list(descriptors, descriptorBytes, (cursor, { target, fd }) => cursor.u32(target).u32(fd));
  header.list(handover.hooks, hookBytes, encodeHook);
  header.list(mounts, extraBytes, encodeExtra);
}

function encodeHook(cursor: Cursor, hook: SandboxHook): void {
  cursor.u32(hookStages[hook.stage]).u32(hook.timeoutSeconds).text(hook.path);
  cursor.texts(hook.args).texts(hook.env).text(hook.state[0]).text(hook.state[1]);
}

function encodeExtra(cursor: Cursor, mount: SandboxMount): void {
  const { set, clear } = attributesOf(mount.recursive?.set ?? 0);
  cursor
    .text(mount.type ?? '')
    .u64(BigInt(set))
    .u64(BigInt(clear | attributesOf(mount.recursive?.clear ?? 0).set))
    .u32((mount.copiesUp === true ? extraFlag.copyUp : 0) | extraFlag.top)
    .u32(0);
}
