// Keeps the compiled form of the bundles beside them (dist/bin/*.cache), for the Node that runs this: after each build,
// and once more where the package is installed, since V8 takes no data of another version. Before the first build
// there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const self = fileURLToPath(import.meta.url);
const bin = fileURLToPath(new URL('../dist/bin/', import.meta.url));
const example = fileURLToPath(new URL('../examples/hello/compose.yaml', import.meta.url));

export function makeCaches() {
  if (!existsSync(bin)) return;
  // Never those of an earlier build: V8 tells sources apart by their length alone.
  for (const name of readdirSync(bin)) {
    if (name.endsWith('.cache')) rmSync(join(bin, name));
  }
  // A process of its own, with a bare environment: only what the bundles themselves compile belongs in a cache.
  const { status } = spawnSync(process.execPath, [self, 'run'], {
    env: { HOME: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent/engine.sock' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) process.stderr.write('no code cache: tscompose will start 30 ms slower\n');
}

/** Runs a few commands that touch no engine: a function is compiled, and then in the cache, when it first runs. */
async function runAndKeep() {
  const scripts = new Map();
  const vm = require('node:vm');
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(source, options) {
      super(source, options);
      scripts.set(options.filename, this);
    }
  };
  const { loadScript } = require(join(bin, 'cli.cjs'));
  loadScript(join(bin, 'daemon.cjs'));
  const program = loadScript(join(bin, 'cli.cjs'));
  for (const argv of [['--help'], ['-f', example, 'config', '-q'], ['-f', example, 'ps']]) {
    await program.main(argv);
  }
  for (const [file, script] of scripts) {
    writeFileSync(file.replace(/\.cjs$/, '.cache'), script.createCachedData());
  }
  process.exit(0);
}

if (process.argv[1] === self) {
  if (process.argv[2] === undefined) makeCaches();
  else await runAndKeep();
}
