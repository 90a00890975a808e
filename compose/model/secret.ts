import type { fileReference } from '../schema/definitions.ts';
import type { config, secret } from '../schema/secret.ts';
import type { Canonical } from '../schema/shapes.ts';

/** A secret or config at top level. */
export type FileResource = Canonical<typeof secret> & Canonical<typeof config>;

/** A secret or config as a service uses it. The mode is octal and quoted: "0440". */
export type FileReference = Canonical<typeof fileReference>;
