import type { Caller, FileRead } from '../host.ts';
import type { Excerpt, Position } from '../errors.ts';
import type { model } from '../schema/project.ts';
import type { Canonical } from '../schema/shapes.ts';
import type { NetworkResource } from './network.ts';
import type { FileResource } from './secret.ts';
import type { Service } from './service.ts';
import type { VolumeResource } from './volume.ts';

/** An OCI model served by a model runner (compose-spec 15-models). */
export type ModelResource = Canonical<typeof model>;

/**
 * The result of loading: canonical, checked and deeply frozen. Attributes keep the spelling of the
 * compose specification, because this is also what `config` prints; only what the specification has
 * no word for (files, workingDirectory, …) is named by us.
 */
export interface Project {
  readonly name: string;
  /** Relative paths in every file resolve against this directory. */
  readonly workingDirectory: string;
  /** The compose files, absolute, in the order in which they were merged; "-" is standard input. */
  readonly files: readonly string[];
  /** Env files that were asked for; the default .env is not among them. */
  readonly environmentFiles: readonly string[];
  /** Who runs the command; null where nobody knows. */
  readonly caller: Caller | null;
  /** What interpolation saw. */
  readonly environment: Readonly<Record<string, string>>;
  /** Services that an active profile selects, sorted by name. */
  readonly services: Readonly<Record<string, Service>>;
  /** Services that no active profile selects. Their containers are no orphans. */
  readonly disabledServices: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, NetworkResource>>;
  readonly volumes: Readonly<Record<string, VolumeResource>>;
  readonly secrets: Readonly<Record<string, FileResource>>;
  readonly configs: Readonly<Record<string, FileResource>>;
  readonly models: Readonly<Record<string, ModelResource>>;
  /** Top-level `x-` attributes. */
  readonly extensions: Readonly<Record<string, unknown>>;
  /** sha256 of the content of a file, read when it is asked for; null where no regular file can be read. */
  readonly fileDigest: (path: string) => string | null;
  /** What a container is given with an owner of its own; null where no regular file of a bearable size can be read. */
  readonly fileBytes: (path: string) => Uint8Array | null;
  /** Content that a container is made with, read when it is asked for. */
  readonly readFile: (path: string) => FileRead;
  /**
   * Where the user wrote an attribute: `positionOf(['services', 'web', 'ports', 0])`. What a phase
   * added has the position of the nearest thing that was written; null when nothing was.
   */
  readonly positionOf: (path: readonly (string | number)[]) => Position | null;
  /** The same with the line itself, for errors that come up after loading. */
  readonly placeOf: (
    path: readonly (string | number)[],
  ) => { readonly position: Position; readonly excerpt: Excerpt } | null;
}
