import type { TSchema } from 'typebox';
import {
  type Attributes,
  boolOrString,
  closedObject,
  type DefinitionName,
  either,
  integer,
  integerOrString,
  listOf,
  mapOf,
  nothing,
  number,
  object,
  scalar,
  setOf,
  shared,
  string,
} from './shapes.ts';

/** Attributes of a request for devices, in deploy and as gpus. */
export const deviceRequest: Attributes = {
  capabilities: shared('strings'),
  count: integerOrString,
  device_ids: shared('strings'),
  driver: string,
  options: shared('listOrMap'),
};

/** The shapes that more than one object uses. */
export const definitions: Readonly<Record<DefinitionName, TSchema>> = {
  command: either(nothing, string, listOf(string)),
  deviceRequests: listOf(object(deviceRequest, ['capabilities'])),
  envFile: either(
    string,
    listOf(
      either(
        string,
        closedObject({ path: string, format: string, required: boolOrString }, ['path']),
      ),
    ),
  ),
  extraHosts: either(mapOf(either(string, listOf(string))), setOf(string)),
  fileReferences: listOf(
    either(
      string,
      object({
        source: string,
        target: string,
        uid: string,
        gid: string,
        mode: either(number, string),
      }),
    ),
  ),
  hook: object(
    {
      command: shared('command'),
      environment: shared('listOrMap'),
      image: string,
      per_replica: boolOrString,
      privileged: boolOrString,
      user: string,
      working_dir: string,
    },
    ['command'],
  ),
  labels: shared('listOrMap'),
  listOrMap: either(mapOf(scalar), setOf(string)),
  stringOrList: either(string, setOf(string)),
  strings: setOf(string),
  ulimits: mapOf(
    either(
      integer,
      string,
      object({ hard: integerOrString, soft: integerOrString }, ['soft', 'hard']),
    ),
    '^[a-z]+$',
  ),
};
