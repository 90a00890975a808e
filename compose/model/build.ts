import type { build } from '../schema/build.ts';
import type { Canonical } from '../schema/shapes.ts';

export type Build = Canonical<typeof build>;
