import type { gpu } from '../schema/isolation.ts';
import type { deploy } from '../schema/deploy.ts';
import type { Canonical } from '../schema/shapes.ts';

/** A count of -1 is all of them. */
export type DeviceRequest = Canonical<typeof gpu>;

export type Deploy = Canonical<typeof deploy>;

export type RestartPolicyOfDeploy = NonNullable<Deploy['restart_policy']>;
