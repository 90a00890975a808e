/** services.*: what the service is (here), what it is connected to (connections.ts), what confines it (isolation.ts). */
import { build } from './build.ts';
import { connections } from './connections.ts';
import { command, envFiles, hook, labels, strings, texts, variables } from './definitions.ts';
import { deploy } from './deploy.ts';
import { develop } from './develop.ts';
import { healthcheck } from './healthcheck.ts';
import { isolation } from './isolation.ts';
import {
  become,
  boolean,
  closedObject,
  consumed,
  either,
  filled,
  flag,
  limited,
  listOf,
  mapOf,
  nameKeys,
  nothing,
  number,
  object,
  oneOf,
  optional,
  required,
  setOf,
  string,
  wholeNumber,
  withShort,
} from './shapes.ts';

/** services.*.depends_on.*. */
export const dependency = object({
  condition: required(
    'What the other service must have reached: started, healthy by its healthcheck, or ended with status 0.',
    oneOf('service_started', 'service_healthy', 'service_completed_successfully'),
  ),
  required: filled('Whether this service may do without the other one.', boolean, {
    default: true,
  }),
  restart: optional('Restart this service after compose restarted the other one.', flag, {
    default: false,
  }),
});

const providerOption = either(string, number, boolean);

/** services.*.models.*. */
export const serviceModel = object({
  endpoint_var: optional('Variable that gets the address of the model.', string),
  model_var: optional('Variable that gets the name of the model.', string),
});

const identity = {
  annotations: optional('OCI annotations of the container.', texts),
  attach: optional('Whether up shows the logs of this service.', flag, { default: true }),
  build: optional('How the image is made: a directory, or all about it.', build),
  command: filled(
    'What runs in place of the image’s CMD: a list of words, or a text that is split into words.',
    command,
  ),
  container_name: optional(
    'Name of the container, in place of project-service-1; such a service cannot be scaled.',
    limited(string, { pattern: '[a-zA-Z0-9][a-zA-Z0-9_.-]+' }),
  ),
  depends_on: optional(
    'Services that are started before this one and stopped after it.',
    withShort(mapOf(dependency, nameKeys), setOf(string)),
  ),
  deploy: optional('Number of containers, what they may use, and how they are restarted.', deploy),
  develop: optional('What happens while you change the sources.', develop),
  domainname: optional('Domain of the container’s host name.', string),
  entrypoint: filled(
    'What runs in place of the image’s ENTRYPOINT; then the image’s CMD does not hold either.',
    command,
  ),
  env_file: consumed(
    'Files with variables for the container; environment wins over them.',
    envFiles,
    {
      examples: ['.env.web', [{ path: 'local.env', required: false }]],
    },
  ),
  environment: optional(
    'Variables of the container. One without a value comes from the environment of tscompose.',
    variables,
  ),
  extends: consumed(
    'A service to start from, of this file or another one; what stands here is merged over it.',
    either(
      string,
      closedObject({
        file: optional('The file that has the service; without it, this one.', string),
        service: required('The service to start from.', string),
      }),
    ),
  ),
  group_add: optional(
    'More groups for the user in the container, by name or number.',
    become<readonly string[]>(setOf(either(string, number))),
  ),
  healthcheck: optional('How to find out whether a container works.', healthcheck),
  hostname: optional('Host name of the container; without it, its short id.', string),
  image: optional('Image to run; with build, the name of what is built.', string, {
    examples: ['nginx:1.29', 'ghcr.io/owner/app@sha256:…'],
  }),
  init: optional(
    'Run a small init as process 1, which passes signals on and reaps children.',
    flag,
    {
      default: false,
    },
  ),
  label_file: consumed(
    'Files with labels, written like env_file; labels wins over them.',
    either(string, listOf(string)),
  ),
  labels: optional('Labels of the container.', labels),
  logging: optional(
    'Where the output of the container goes.',
    object({
      driver: optional('json-file, local, none, or what else the engine offers.', string, {
        default: 'json-file',
      }),
      options: optional(
        'Settings of the driver.',
        mapOf(become<string>(either(string, number, nothing))),
        { examples: [{ 'max-size': '10m', 'max-file': '3' }] },
      ),
    }),
  ),
  models: optional(
    'Models of the top level this service uses, and the variables that tell it where they are.',
    withShort(mapOf(either(nothing, serviceModel), nameKeys), setOf(string)),
  ),
  platform: optional('Platform of the image: os, os/arch or os/arch/variant.', string, {
    examples: ['linux/arm64'],
  }),
  post_start: optional(
    'Commands to run in a container right after its start, in this order.',
    listOf(hook),
  ),
  pre_start: optional(
    'Commands that run in containers of their own before the service starts, in this order.',
    listOf(hook),
  ),
  pre_stop: optional(
    'Commands to run in a container before it is stopped, in this order.',
    listOf(hook),
  ),
  profiles: optional(
    'Run the service only while one of these profiles is active; none is always.',
    strings,
  ),
  provider: optional(
    'A program that provides the service instead of a container.',
    object({
      options: optional(
        'What the program is given as --name=value.',
        mapOf(become<readonly string[]>(either(providerOption, listOf(providerOption)))),
      ),
      type: required('The program: a plugin of the command line, or one in PATH.', string),
    }),
  ),
  pull_policy: optional(
    'When the image is pulled: always, missing, never, build, refresh, daily, weekly, or every_ and a time.',
    limited(string, {
      pattern:
        '^(always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+)$',
    }),
    { default: 'missing', examples: ['always', 'every_12h'] },
  ),
  pull_refresh_after: optional('Accepted for other tools; it changes nothing.', string),
  restart: optional(
    'When a container that ended is started again: no, always, on-failure[:times], unless-stopped.',
    string,
    {
      default: 'no',
      examples: ['unless-stopped', 'on-failure:3'],
    },
  ),
  scale: optional('Number of containers, as deploy.replicas.', wholeNumber, { default: 1 }),
  stdin_open: optional('Keep standard input open.', flag, { default: false }),
  stop_grace_period: optional(
    'Time a container has to end by itself before it is killed.',
    string,
    {
      default: '10s',
    },
  ),
  stop_signal: optional(
    'Signal that asks the container to end; without it, the image’s, or SIGTERM.',
    string,
  ),
  tty: optional('Give the container a terminal.', flag, { default: false }),
  use_api_socket: optional('Let the container use the API of the engine.', boolean, {
    default: false,
  }),
  user: optional(
    'Whom to run as: user or user:group, by name or number; without it, as the image says.',
    string,
  ),
  working_dir: optional('Directory to run in; without it, as the image says.', string),
};

/** services.*. */
export const service = object({ ...identity, ...connections, ...isolation });
