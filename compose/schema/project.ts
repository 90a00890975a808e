import type { TSchema } from 'typebox';
import { definitions } from './definitions.ts';
import { network } from './network.ts';
import { config, secret } from './secret.ts';
import { service } from './service.ts';
import {
  closedObject,
  either,
  integer,
  listOf,
  mapOf,
  nameKeys,
  nothing,
  object,
  shared,
  string,
} from './shapes.ts';
import { volume } from './volume.ts';

const model = object(
  { context_size: integer, model: string, name: string, runtime_flags: listOf(string) },
  ['model'],
);

/** A section may be there and empty: `volumes:` with nothing below it. */
const section = (value: TSchema): TSchema => either(nothing, mapOf(value, nameKeys));

/** A whole compose file, after interpolation and before canonical form. */
export const composeSchema: TSchema = {
  $defs: definitions,
  ...object({
    configs: section(config),
    include: listOf(
      either(
        string,
        closedObject({
          env_file: shared('stringOrList'),
          path: shared('stringOrList'),
          project_directory: string,
        }),
      ),
    ),
    models: section(model),
    name: string,
    networks: section(network),
    secrets: section(secret),
    services: section(service),
    version: either(string, { type: 'number' }),
    volumes: section(volume),
  }),
};
