import { hook, stringOrList } from './definitions.ts';
import {
  boolean,
  listOf,
  nothing,
  object,
  oneOf,
  optional,
  required,
  string,
  withShort,
} from './shapes.ts';

/** services.*.develop.watch[]. */
export const watchRule = object({
  action: required(
    'What a change leads to: sync copies it into the containers, rebuild makes a new image, restart restarts them; sync+restart and sync+exec do something more after copying.',
    oneOf('rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'),
  ),
  exec: optional('For sync+exec: what to run in the container after files were copied.', hook),
  ignore: optional(
    'Files below path to leave out, as patterns of .dockerignore. Those of the build context are left out anyway.',
    stringOrList,
    { examples: [['node_modules/', '*.test.ts']] },
  ),
  include: optional('Only files below path that match one of these patterns.', stringOrList),
  initial_sync: optional('Copy everything once when watching begins.', boolean, { default: false }),
  path: required('File or directory to watch, relative to the project directory.', string),
  target: optional('Where copied files go in the container; every sync action needs it.', string),
});

/** services.*.develop. */
export const develop = withShort(
  object({ watch: optional('What to do while files change.', listOf(watchRule)) }),
  nothing,
);
