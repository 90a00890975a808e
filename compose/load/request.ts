import type { Warning } from '../errors.ts';
import type { Project } from '../model/project.ts';

/** What the user asked for: flags, already parsed. Everything else comes from the Host. */
export interface LoadRequest {
  /** Where the command runs: absolute. Files are looked for here and shown relative to it. */
  readonly workingDirectory: string;
  /** `-f`, repeatable; "-" is standard input. Empty or absent: COMPOSE_FILE, then the default names. */
  readonly files?: readonly string[];
  /** `-p`. */
  readonly projectName?: string;
  /** `--project-directory`. */
  readonly projectDirectory?: string;
  /** `--profile`, repeatable; "*" is every profile. Absent: COMPOSE_PROFILES. */
  readonly profiles?: readonly string[];
  /** Services named on the command line: naming one activates its profiles (compose-spec 15-profiles.md). */
  readonly services?: readonly string[];
  /** `--env-file`, repeatable; replaces the default .env. */
  readonly envFiles?: readonly string[];
  /** Keep networks, volumes, secrets and configs that no service uses. */
  readonly allResources?: boolean;
  /** Phases that `config` can leave out, to show the file nearer to how it was written. */
  readonly skip?: LoadSkips;
}

export interface LoadSkips {
  readonly interpolation?: boolean;
  /** Whether attributes are known and of their type: a wrong file has variables, too. */
  readonly validation?: boolean;
  readonly normalization?: boolean;
  readonly pathResolution?: boolean;
  readonly consistency?: boolean;
  readonly environmentResolution?: boolean;
  /** What env and label files of services say: nothing of containers that exist, so that a missing one is no mistake. */
  readonly serviceFiles?: boolean;
  /** What only an engine would refuse becomes a warning: whoever looks at a file does not run it. */
  readonly engineRules?: boolean;
}

/** A model that is no Project yet. */
export interface ModelResult {
  readonly model: Readonly<Record<string, unknown>>;
  readonly warnings: readonly Warning[];
}

export interface LoadResult {
  readonly project: Project;
  readonly warnings: readonly Warning[];
}
