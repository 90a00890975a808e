// Keeps the compiled form of the bundles beside them (dist/bin/*.cache), for the Node that runs this: after each build,
// and once more where the package is installed, since V8 takes no data of another version. Before the first build
// there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const self = fileURLToPath(import.meta.url);
const bin = fileURLToPath(new URL('../dist/bin/', import.meta.url));
const example = fileURLToPath(new URL('../examples/hello/compose.yaml', import.meta.url));

export function makeCaches() {
  for (const name of ['cli', 'daemon']) {
    if (!existsSync(`${bin}${name}.cjs`)) continue;
    // A process each, with a bare environment: only what the bundle itself compiles belongs in its cache.
    const { status } = spawnSync(process.execPath, [self, name], {
      env: { HOME: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent/engine.sock' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status === 0) continue;
    // Better none than one of an earlier build: V8 tells sources apart by their length alone.
    rmSync(`${bin}${name}.cache`, { force: true });
    process.stderr.write(`no code cache for ${name}.cjs: it will start slower\n`);
  }
}

/** Compiles as cli/load-script.ts does, and writes what V8 has compiled after a few commands. */
async function makeCache(name) {
  const file = `${bin}${name}.cjs`;
  const source = readFileSync(file, 'utf8');
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    { filename: file },
  );
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, bin);
  if (name === 'cli') {
    // A function is compiled when it first runs, and only then is it in the cache. These touch no engine.
    for (const argv of [['--help'], ['-f', example, 'config', '-q'], ['-f', example, 'ps']]) {
      await module.exports.main(argv);
    }
  }
  writeFileSync(`${bin}${name}.cache`, script.createCachedData());
  process.exit(0);
}

if (process.argv[1] === self) {
  if (process.argv[2] === undefined) makeCaches();
  else await makeCache(process.argv[2]);
}
