import { stringOrList } from './definitions.ts';
import { network } from './network.ts';
import { config, secret } from './secret.ts';
import { service } from './service.ts';
import {
  closedObject,
  consumed,
  either,
  integer,
  listOf,
  mapOf,
  nameKeys,
  nothing,
  number,
  object,
  optional,
  required,
  type Shape,
  string,
  withShort,
} from './shapes.ts';
import { volume } from './volume.ts';

/** models.*. */
export const model = object({
  context_size: optional('Length of the context, in tokens.', integer),
  model: required('The model as an OCI artifact.', string, { examples: ['ai/smollm2'] }),
  name: optional('A name for people.', string),
  runtime_flags: optional('Arguments for the program that runs the model.', listOf(string)),
});

/** include[]. */
const inclusion = withShort(
  closedObject({
    env_file: optional('Files with variables for the included files.', stringOrList),
    path: optional('The compose files; later ones are merged over earlier ones.', stringOrList),
    project_directory: optional(
      'Directory that paths in the included files are relative to; without it, that of the first one.',
      string,
    ),
  }),
  string,
);

/** A section may be there and empty: `volumes:` with nothing below it. */
const section = <T>(value: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  withShort(mapOf(value, nameKeys), nothing);

/** A whole compose file, after interpolation and before canonical form. */
export const composeFile = object({
  configs: optional('Files with settings that services can use.', section(config)),
  include: consumed(
    'Other compose files whose services and resources become part of the project.',
    listOf(inclusion),
  ),
  models: optional('Language models that services can use.', section(model)),
  name: optional('Name of the project; without it, that of its directory.', string, {
    examples: ['shop'],
  }),
  networks: optional('Networks that services can join.', section(network)),
  secrets: optional('Files with secrets that services can use.', section(secret)),
  services: optional('What the project runs.', section(service)),
  version: consumed('Of old the version of the format.', either(string, number), {
    deprecated: 'ignored: remove it',
  }),
  volumes: optional('Volumes that services can mount; they outlive containers.', section(volume)),
});
