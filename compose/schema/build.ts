import {
  assignments,
  extraHosts,
  fileReferences,
  labels,
  stringOrList,
  texts,
  ulimits,
  variables,
} from './definitions.ts';
import {
  become,
  boolean,
  either,
  flag,
  listOf,
  object,
  optional,
  string,
  integer,
  withShort,
} from './shapes.ts';

const attestation = become<string>(either(boolean, string));

/** services.*.build: a context, or everything about it. */
export const build = withShort(
  object({
    additional_contexts: optional(
      'More sources for FROM and COPY --from: name to directory, URL, image (docker-image://) or service (service:).',
      texts,
    ),
    args: optional(
      'Values of ARG instructions. One without a value comes from the environment of tscompose.',
      variables,
    ),
    cache_from: optional('Images and stores to take finished layers from.', listOf(string), {
      examples: [['type=registry,ref=example.com/app:cache']],
    }),
    cache_to: optional('Stores to put finished layers into.', listOf(string)),
    context: optional('Directory, git repository or archive that COPY reads from.', string, {
      default: '.',
    }),
    dockerfile: optional('The Dockerfile, relative to context.', string, { default: 'Dockerfile' }),
    dockerfile_inline: optional('The text of a Dockerfile. Not together with dockerfile.', string),
    entitlements: optional('Privileges that RUN instructions may ask for.', listOf(string), {
      examples: [['network.host']],
    }),
    extra_hosts: optional('Names and addresses that RUN instructions can resolve.', extraHosts),
    isolation: optional('How a Windows engine separates the build.', string),
    labels: optional('Labels of the image.', labels),
    network: optional('Network of RUN instructions: host, none, or the name of one.', string),
    no_cache: optional('Build every layer anew.', flag, { default: false }),
    no_cache_filter: optional('Stages to build anew.', stringOrList),
    platforms: optional(
      'Platforms to build for; the one of the service must be among them.',
      listOf(string),
      {
        examples: [['linux/amd64', 'linux/arm64']],
      },
    ),
    privileged: optional('Run RUN instructions with every capability.', flag, { default: false }),
    provenance: optional('Whether, or how, to record where the image comes from.', attestation),
    pull: optional('Look for newer base images even where there is one.', flag, { default: false }),
    sbom: optional('Whether, or how, to record what the image contains.', attestation),
    secrets: optional('Secrets that RUN --mount=type=secret can read.', fileReferences),
    shm_size: optional(
      'Size of /dev/shm for RUN instructions.',
      become<string>(either(integer, string)),
      {
        examples: ['128m'],
      },
    ),
    ssh: optional(
      'Agents and keys that RUN --mount=type=ssh can use: default, or id=path.',
      assignments,
    ),
    tags: optional('More names for the image.', listOf(string)),
    target: optional('Stage to build; without it, the last one.', string),
    ulimits: optional('Limits of RUN instructions.', ulimits),
  }),
  string,
);
