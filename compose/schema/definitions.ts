/** The shapes that more than one object uses. */
import {
  become,
  boolean,
  closedObject,
  either,
  filled,
  flag,
  integer,
  listOf,
  mapOf,
  nothing,
  number,
  object,
  optional,
  required,
  setOf,
  type Shape,
  shared,
  string,
  text,
  wholeNumber,
  withShort,
} from './shapes.ts';

export type StringMap = Readonly<Record<string, string>>;

export const strings: Shape<readonly string[]> = shared('strings', setOf(string));

export const stringOrList: Shape<readonly string[]> = shared(
  'stringOrList',
  withShort(setOf(string), string),
);

const listOrMap = shared(
  'listOrMap',
  either(mapOf(either(string, number, boolean, nothing)), setOf(string)),
);

/** A missing value is an empty one. */
export const texts: Shape<StringMap> = become(listOrMap);
/** A missing value is the one of the project's environment; null where that has none either. */
export const variables: Shape<Readonly<Record<string, string | null>>> = become(listOrMap);
export const labels: Shape<StringMap> = shared('labels', texts);
/** `key=value` lines, however they are written. */
export const assignments: Shape<readonly string[]> = become(listOrMap);

/** null: the image's. An empty list clears it. */
export const command: Shape<readonly string[] | null> = shared(
  'command',
  become(either(nothing, string, listOf(string))),
);

export const extraHosts: Shape<readonly string[]> = shared(
  'extraHosts',
  become(either(mapOf(either(string, listOf(string))), setOf(string))),
);

export const options: Shape<StringMap> = mapOf(text);

export const envFiles: Shape<unknown> = shared(
  'envFile',
  either(
    string,
    listOf(
      either(
        string,
        closedObject({
          path: required('The file, relative to the compose file’s directory.', string),
          format: optional(
            'How the file is written: "raw" takes values as they are, without quotes or variables.',
            string,
            { examples: ['raw'] },
          ),
          required: optional('Whether a missing file is an error.', flag, { default: true }),
        }),
      ),
    ),
  ),
);

/** services.*.secrets[] and configs[]. */
export const fileReference = withShort(
  object({
    source: filled('The secret or config, as it is called at top level.', string),
    target: optional(
      'Where it is in the container: a path, or a name below /run/secrets (secrets) or / (configs).',
      string,
    ),
    uid: optional('Number of the user who owns the file.', string, { default: '0' }),
    gid: optional('Number of the group that owns the file.', string, { default: '0' }),
    mode: optional('Permissions of the file, in octal.', become<string>(either(number, string)), {
      default: '0444',
      examples: ['0400', '0440'],
    }),
  }),
  string,
);

export const fileReferences = shared('fileReferences', listOf(fileReference));

export const hook = shared(
  'hook',
  object({
    command: required('What is run: a list of words, or a text that is split into words.', command),
    environment: optional('Variables of the command, beside those of the service.', variables),
    image: optional('For pre_start: the image to run in; without it, the service’s.', string),
    per_replica: optional(
      'For pre_start: run once for every replica instead of once for the service.',
      flag,
      { default: false },
    ),
    privileged: optional('Run with every capability.', flag, { default: false }),
    user: optional('Whom to run as; without it, the user of the service.', string, {
      examples: ['root', '1000:1000'],
    }),
    working_dir: optional('Directory to run in; without it, the one of the service.', string),
  }),
);

/** services.*.ulimits.*. */
export const ulimit = withShort(
  either(
    integer,
    object({
      hard: required(
        'How far the process may raise the limit itself; -1 is unlimited.',
        wholeNumber,
      ),
      soft: required('The limit that holds at first; -1 is unlimited.', wholeNumber),
    }),
  ),
  string,
);

export const ulimits = shared('ulimits', mapOf(ulimit, '^[a-z]+$'));

const capabilities = 'What the device must be able to do.';
const gpu = { examples: [['gpu'], ['gpu', 'compute']] };

/** Attributes of a request for devices, in deploy and as gpus. */
export const deviceRequest = {
  capabilities: optional(capabilities, strings, gpu),
  count: optional('How many; "all" takes every one. Not together with device_ids.', wholeNumber, {
    examples: [1, 'all'],
  }),
  device_ids: optional('The devices by id. Not together with count.', strings),
  driver: optional('The driver that provides the devices.', string, { examples: ['nvidia'] }),
  options: optional('Settings that the driver understands.', texts),
};

export const deviceRequests = shared(
  'deviceRequests',
  listOf(object({ ...deviceRequest, capabilities: required(capabilities, strings, gpu) })),
);
