import { neverRun } from '../../../../engine/containers/container.ts';
import type { ContainerRecord } from '../../../../engine/containers/container.ts';

export const containerId: string = 'c'.repeat(64);

/** A record with nothing in it but what a test says. */
export function recordOf(change: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    id: containerId,
    name: 'web',
    createdNs: '1',
    imageId: 'sha256:0',
    config: {},
    hostConfig: {},
    endpoints: {},
    mounts: [],
    run: neverRun,
    ...change,
  };
}
