import { containerSchemaVersion } from './container.ts';
import type { ContainerRecord } from './container.ts';

const runStatuses = ['created', 'running', 'exited', 'removing'];

/** Type guard of a container's record; throws what is wrong with it. Newer schemas are read by what they share with ours. */
export function readContainerRecord(
  body: Readonly<Record<string, unknown>>,
  schema: number,
): ContainerRecord | null {
  if (schema < 1 || schema > containerSchemaVersion) return null;
  for (const key of ['id', 'name', 'createdNs', 'imageId'] as const) {
    if (typeof body[key] !== 'string') throw new TypeError(`"${key}" is not a text`);
  }
  for (const key of ['config', 'hostConfig', 'endpoints', 'run'] as const) {
    if (!isObject(body[key])) throw new TypeError(`"${key}" is not an object`);
  }
  if (!Array.isArray(body['mounts'])) throw new TypeError('"mounts" is not a list');
  requireRun(body['run'] as Readonly<Record<string, unknown>>);
  return body as unknown as ContainerRecord;
}

function requireRun(run: Readonly<Record<string, unknown>>): void {
  if (!runStatuses.includes(String(run['status']))) {
    throw new TypeError(`unknown status "${String(run['status'])}"`);
  }
  for (const key of ['startedNs', 'finishedNs'] as const) {
    if (!/^\d+$/.test(String(run[key]))) throw new TypeError(`"${key}" is not a time`);
  }
  if (typeof run['exitCode'] !== 'number') throw new TypeError('"exitCode" is not a number');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
