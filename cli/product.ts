/** Set by cli/bundle.mjs from package.json; absent when the sources run unbundled, as in unit tests. */
declare const tscomposeVersion: string | undefined;

/** The version of this program, without the leading "v". */
export const version: string =
  typeof tscomposeVersion === 'string' ? tscomposeVersion : '0.0.0-source';
