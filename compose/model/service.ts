import type { ulimit } from '../schema/definitions.ts';
import type { dependency, service } from '../schema/service.ts';
import type { Canonical } from '../schema/shapes.ts';

export type { StringMap } from '../schema/definitions.ts';

export type Dependency = Canonical<typeof dependency>;

export type DependencyCondition = Dependency['condition'];

/** One number for both limits, or each of them. -1 is unlimited. */
export type Ulimit = Canonical<typeof ulimit>;

/**
 * Desired: one image and configuration, run N times. Byte values are decimal strings ("52428800"), durations
 * normalised strings ("1m30s"), as `config` prints them; units.ts reads both. null as command or entrypoint is the
 * image's, and an empty list clears it; null in environment is named but set nowhere, so not passed on.
 */
export type Service = Canonical<typeof service>;
