import type { EngineVersion } from './routes/index.ts';

/** Set by cli/bundle.mjs from package.json; absent when the sources run unbundled. */
declare const tscomposeVersion: string | undefined;

export const engineVersion: EngineVersion = {
  version: typeof tscomposeVersion === 'string' ? tscomposeVersion : '0.0.0-source',
  // A package is built from its own sources, wherever it is installed: there is no commit or moment to name.
  gitCommit: '',
  buildTime: '',
};
