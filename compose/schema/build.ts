import type { TSchema } from 'typebox';
import { boolOrString, either, integerOrString, listOf, object, shared, string } from './shapes.ts';

/** services.*.build: a context, or everything about it. */
export const build: TSchema = either(
  string,
  object({
    additional_contexts: shared('listOrMap'),
    args: shared('listOrMap'),
    cache_from: listOf(string),
    cache_to: listOf(string),
    context: string,
    dockerfile: string,
    dockerfile_inline: string,
    entitlements: listOf(string),
    extra_hosts: shared('extraHosts'),
    isolation: string,
    labels: shared('labels'),
    network: string,
    no_cache: boolOrString,
    no_cache_filter: shared('stringOrList'),
    platforms: listOf(string),
    privileged: boolOrString,
    provenance: boolOrString,
    pull: boolOrString,
    sbom: boolOrString,
    secrets: shared('fileReferences'),
    shm_size: integerOrString,
    ssh: shared('listOrMap'),
    tags: listOf(string),
    target: string,
    ulimits: shared('ulimits'),
  }),
);
