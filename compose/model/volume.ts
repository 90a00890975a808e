import type { Canonical } from '../schema/shapes.ts';
import type { volume } from '../schema/volume.ts';

export type VolumeResource = Canonical<typeof volume>;
