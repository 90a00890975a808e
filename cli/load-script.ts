/** Runs a bundle with the compiled form that cli/cache.mjs keeps beside it: without, compiling costs more than running. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** The exports of the CommonJS bundle at `file`. Its `require` is ours: both lie in one directory. */
export function loadScript(file: string): unknown {
  // ASCII, by cli/bundle.mjs: a megabyte of UTF-8 takes 5 ms to decode, of Latin-1 less than one.
  const source = readFileSync(file, 'latin1');
  const cachedData = readCache(file.replace(/\.cjs$/u, '.cache'));
  // V8 rejects data made by another version or with other flags, and then compiles from source as if there were
  // none: slower by some 20 ms, never wrong. It knows the source by its length alone, so cache.mjs must follow
  // every build; cli/bundle.mjs sees to that.
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    {
      filename: file,
      ...(cachedData !== undefined && { cachedData }),
    },
  );
  const wrapper = script.runInThisContext() as ModuleWrapper;
  const module = { exports: {} };
  wrapper(module.exports, require, module, file, dirname(file));
  return module.exports;
}

type ModuleWrapper = (...args: readonly unknown[]) => void;

function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // The cache is an optimisation: whatever hinders reading it, the source is there.
    return undefined;
  }
}
