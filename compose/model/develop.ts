import type { hook } from '../schema/definitions.ts';
import type { develop, watchRule } from '../schema/develop.ts';
import type { Canonical } from '../schema/shapes.ts';

export type Hook = Canonical<typeof hook>;

export type WatchRule = Canonical<typeof watchRule>;

export type Develop = Canonical<typeof develop>;
