import { stringOrList } from './definitions.ts';
import { network } from './network.ts';
import { config, secret } from './secret.ts';
import { service } from './service.ts';
import {
  about,
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

/** Resources by name. */
const section = <T>(
  description: string,
  value: Shape<T>,
  names = nameKeys,
): Shape<Readonly<Record<string, T>>> => mapOf(about(description, value), names);

/** A whole compose file, after interpolation and before canonical form. */
export const composeFile = object({
  configs: optional(
    'Files with settings that services can use.',
    section('A file with settings.', config),
  ),
  include: consumed(
    'Other compose files whose services and resources become part of the project.',
    either(nothing, listOf(inclusion)),
  ),
  models: optional(
    'Language models that services can use.',
    section('A language model.', model, '.+'),
  ),
  name: optional('Name of the project; without it, that of its directory.', string, {
    examples: ['shop'],
  }),
  networks: optional(
    'Networks that services can join.',
    section('A network and how it is made.', network, '.+'),
  ),
  secrets: optional(
    'Files with secrets that services can use.',
    section('A file with a secret.', secret),
  ),
  services: optional(
    'What the project runs.',
    section('One image with its settings, run as one or more containers.', service),
  ),
  version: consumed('Of old the version of the format.', either(string, number), {
    deprecated: 'ignored: remove it',
  }),
  volumes: optional(
    'Volumes that services can mount; they outlive containers.',
    section('A volume and how it is made.', volume),
  ),
});
