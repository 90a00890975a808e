import type { healthcheck } from '../schema/healthcheck.ts';
import type { Canonical } from '../schema/shapes.ts';

/** Durations are normalised strings such as "1m30s"; what is absent comes from the image. */
export type Healthcheck = Canonical<typeof healthcheck>;
