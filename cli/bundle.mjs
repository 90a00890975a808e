// The build step after the compiler: one file per process in dist/bin, because resolving and opening some two hundred
// modules takes Node longer than everything that a command then does.
//   tscompose.cjs  the dispatcher, tiny
//   cli.cjs        the program behind it
//   daemon.cjs     the embedded engine
import standalone from 'ajv/dist/standalone/index.js';
import { Ajv } from 'ajv';
import { build } from 'esbuild';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { ajvOptions } from '../dist/compose/schema/compile.js';
import { composeSchema } from '../dist/compose/schema/project.js';
import { makeCaches } from './cache.mjs';

const root = new URL('..', import.meta.url).pathname;
const outdir = `${root}dist/bin`;
const { version } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));

/** The command `daemon` loads the engine; in the bundle it is the file beside, so that no other command carries it. */
const daemonApart = {
  name: 'daemon-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /engine\/daemon\/main\.ts$/u }, ({ importer }) =>
      importer.startsWith(`${root}cli/`) ? { path: './daemon.cjs', external: true } : undefined,
    );
  },
};

/**
 * ajv turns the schema of compose files into JavaScript. It can do so now, and then neither ajv nor typebox nor the
 * schema is in the program: see compose/schema/compile.ts, whose compileSchema() this replaces.
 */
const validatorAhead = {
  name: 'validator-ahead',
  setup: ({ onLoad, onResolve }) => {
    onLoad({ filter: /\/compose\/schema\/compile\.ts$/u }, () => ({
      contents: "export const compileSchema = () => require('compose-validator');",
      resolveDir: root,
      loader: 'js',
    }));
    onResolve({ filter: /^compose-validator$/u }, () => ({
      path: 'compose-validator',
      namespace: 'generated',
    }));
    onLoad({ filter: /.*/u, namespace: 'generated' }, () => {
      const ajv = new Ajv({ ...ajvOptions, code: { source: true } });
      const contents = standalone.default(ajv, ajv.compile(composeSchema));
      return { contents, resolveDir: root, loader: 'js' };
    });
  },
};

const shared = {
  absWorkingDir: root,
  outdir,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // Error messages show a stack to whoever reports a bug: names stay, and only the unused goes.
  minifySyntax: true,
  treeShaking: true,
  // A Script compiled from a code cache has no dynamic import of its own; require is what it gets anyway.
  supported: { 'dynamic-import': false },
  // Dependencies are used in the form that esbuild can drop the unused half of.
  mainFields: ['module', 'main'],
  conditions: ['module', 'import'],
  define: {
    tscomposeVersion: JSON.stringify(version),
    'import.meta.url': 'importMetaUrl',
  },
  logLevel: 'warning',
};

const importMetaUrl = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
await Promise.all([
  build({
    ...shared,
    entryPoints: [{ in: 'cli/dispatch.ts', out: 'tscompose' }],
    banner: { js: '#!/usr/bin/env node' },
  }),
  build({
    ...shared,
    entryPoints: [{ in: 'cli/main.ts', out: 'cli' }],
    plugins: [daemonApart, validatorAhead],
    banner: { js: importMetaUrl },
  }),
  build({
    ...shared,
    entryPoints: [{ in: 'engine/daemon/main.ts', out: 'daemon' }],
    banner: { js: importMetaUrl },
  }),
]);
await chmod(`${outdir}/tscompose.cjs`, 0o755);
await makeCaches();
