// The build step after the compiler: one file per process in dist/bin, because resolving and opening some two hundred
// modules takes Node longer than everything that a command then does.
//   tscompose.cjs  the dispatcher, tiny
//   cli.cjs        the program behind it
//   validator.cjs  the check of compose files, generated from the schema
//   daemon.cjs     the embedded engine
//   oci.cjs        the shim as an OCI runtime; tscompose-oci.cjs is its dispatcher
//   yaml.cjs       the reader of unusual YAML
//   execa.cjs, listr2.cjs   other programs, a progress that is redrawn
import standalone from 'ajv/dist/standalone/index.js';
import { Ajv } from 'ajv';
import { build } from 'esbuild';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { ajvOptions } from '../dist/compose/schema/compile.js';
import { composeSchema } from '../dist/compose/schema/derive.js';
import { makeCaches } from './cache.mjs';

const root = new URL('..', import.meta.url).pathname;
const target = `${root}dist/bin`;
/** Whoever starts the program meanwhile gets the one before. */
const outdir = `${target}.new`;
const { version } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));

/** The command `daemon` loads the engine; in the bundle it is the file beside, so that no other command carries it. */
const daemonApart = {
  name: 'daemon-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /engine\/daemon\/main\.ts$/ }, ({ importer }) =>
      importer.startsWith(`${root}cli/`) ? { path: './daemon.cjs', external: true } : undefined,
    );
  },
};

/**
 * ajv turns the schema of compose files into JavaScript. It can do so now, and then neither ajv nor the schema is in the
 * program: this replaces compose/schema/compile.ts by the result, in a file that only loading a project reads.
 */
const validatorApart = {
  name: 'validator-apart',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/compose\/schema\/compile\.ts$/ }, () => ({
      contents: `import { loadScript } from './cli/load-script.ts';
        export const compileSchema = () => loadScript(require('node:path').join(__dirname, 'validator.cjs'));`,
      resolveDir: root,
      loader: 'js',
    }));
  },
};

/** The same for YAML that the plain reader leaves to the library, which hardly any file does. */
const yamlApart = {
  name: 'yaml-apart',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/compose\/load\/yaml\/library\.ts$/ }, () => ({
      contents: `import { loadScript } from './cli/load-script.ts';
        const load = () => loadScript(require('node:path').join(__dirname, 'yaml.cjs'));
        export const readWithLibrary = (...args) => load().readWithLibrary(...args);`,
      resolveDir: root,
      loader: 'js',
    }));
  },
};

/** Libraries that are loaded when a command first asks for them: what is in the program's file costs its every start. */
const apart = ['execa', 'listr2'];

const librariesApart = {
  name: 'libraries-apart',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: new RegExp(`^(${apart.join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'apart',
    }));
    onLoad({ filter: /.*/, namespace: 'apart' }, ({ path }) => ({
      contents: `const { loadScript } = require('./cli/load-script.ts');
        module.exports = loadScript(require('node:path').join(__dirname, '${path}.cjs'));`,
      resolveDir: root,
      loader: 'js',
    }));
  },
};

function validatorSource() {
  const ajv = new Ajv({ ...ajvOptions, code: { source: true } });
  return standalone.default(ajv, ajv.compile(composeSchema));
}

/** The command line has no commands that are programs of their own, and what starts them costs 3 ms to load. */
const parserWithoutPrograms = {
  name: 'parser-without-programs',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/')
        ? { path: 'child-process', namespace: 'empty' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
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

/** cli/load-script.ts reads them byte by byte. esbuild escapes strings, but not regular expressions and comments. */
async function toAscii(path) {
  const source = await readFile(path, 'utf8');
  const escaped = source.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  await writeFile(path, escaped);
}

const importMetaUrl = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";

/**
 * Node 20 looks for its own `--env-file` behind the script as well, and obeys NODE_OPTIONS in that file: what an env
 * file says would run as code. `--` ends its options, and a shebang alone cannot say so everywhere.
 */
const launcher = `#!/bin/sh
':' //; exec node -- "$0" "$@"`;

/** Its caller waits for the end of the process, and some handle may be open. */
const ociDispatcher = `const { loadScript } = require('./cli/load-script.ts');
const { runOci } = loadScript(require('node:path').join(__dirname, 'oci.cjs'));
runOci(process.argv.slice(2)).then((code) => process.exit(code));`;

function buildText(name, contents) {
  return build({
    ...shared,
    stdin: { contents, resolveDir: root },
    outfile: `${outdir}/${name}.cjs`,
    outdir: undefined,
    outExtension: undefined,
    minify: name === 'validator',
  });
}

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
await Promise.all([
  build({
    ...shared,
    entryPoints: [{ in: 'cli/dispatch.ts', out: 'tscompose' }],
    banner: { js: launcher },
  }),
  build({
    ...shared,
    entryPoints: [{ in: 'cli/main.ts', out: 'cli' }],
    plugins: [daemonApart, validatorApart, yamlApart, librariesApart, parserWithoutPrograms],
  }),
  build({
    ...shared,
    entryPoints: [{ in: 'engine/oci/main.ts', out: 'oci' }],
    banner: { js: importMetaUrl },
  }),
  build({
    ...shared,
    stdin: { contents: ociDispatcher, resolveDir: root },
    outfile: `${outdir}/tscompose-oci.cjs`,
    outdir: undefined,
    outExtension: undefined,
    banner: { js: launcher },
  }),
  buildText('validator', validatorSource()),
  build({ ...shared, entryPoints: [{ in: 'compose/load/yaml/library.ts', out: 'yaml' }] }),
  ...apart.map((name) => buildText(name, `export * from '${name}';`)),
  build({
    ...shared,
    entryPoints: [{ in: 'engine/daemon/main.ts', out: 'daemon' }],
    banner: { js: importMetaUrl },
  }),
]);
for (const name of ['cli', 'daemon', 'oci', 'validator', 'yaml', ...apart])
  await toAscii(`${outdir}/${name}.cjs`);
for (const name of ['tscompose', 'tscompose-oci']) await chmod(`${outdir}/${name}.cjs`, 0o755);
makeCaches(outdir);
await rm(target, { recursive: true, force: true });
await rename(outdir, target);
