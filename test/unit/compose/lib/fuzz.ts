import fc from 'fast-check';
import { composeErrorsOf } from '../../../../compose/index.ts';

/**
 * FUZZ_SECONDS: how long each property is tried, one by default. FUZZ_SEED: where to begin; a failure prints its seed
 * and path, with which it comes again.
 */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 1);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_120);

/** Tries a property for a fixed time; fewer runs on a slow machine are no failure. */
export function fuzz<Values extends [unknown, ...unknown[]]>(property: fc.IProperty<Values>): void {
  fc.assert(property, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  });
}

/** What a load of anything may do: succeed, or fail with positions inside of the files, within a second. */
export function expectTyped(load: () => unknown, files: Readonly<Record<string, string>>): void {
  const startedAt = performance.now();
  try {
    load();
  } catch (error) {
    const errors = composeErrorsOf(error);
    if (errors === null) throw new Error('an error without a type', { cause: error });
    if (errors.length === 0) throw new Error('a failure without an error', { cause: error });
    for (const { message, position } of errors) {
      if (message === '') throw new Error('an error without a message', { cause: error });
      if (position !== undefined) expectInside(position, files[position.file]);
    }
  }
  const elapsed = performance.now() - startedAt;
  if (elapsed > 1000) throw new Error(`it took ${elapsed} ms`);
}

function expectInside(
  { file, line, column }: { readonly file: string; readonly line: number; readonly column: number },
  text: string | undefined,
): void {
  if (text === undefined) throw new Error(`no such file: ${file}`);
  const shown = text.split('\n')[line - 1];
  if (shown === undefined || column < 1 || column > shown.length + 1) {
    throw new Error(`${file}:${line}:${column} is not in the file`);
  }
}

/** Texts made of pieces that mean something to a parser. */
export function textOf(pieces: readonly string[], maxLength = 30): fc.Arbitrary<string> {
  return fc
    .array(
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...pieces) },
        { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
      ),
      { maxLength },
    )
    .map((parts) => parts.join(''));
}

/** A text with a few places changed: pieces put in, parts taken out, parts repeated elsewhere. */
export function mutationsOf(
  texts: readonly string[],
  pieces: readonly string[],
): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.integer({ min: 0, max: 6 }),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    copied: fc.integer({ min: 0, max: 30 }),
    piece: fc.oneof(fc.constantFrom(...pieces), fc.constant('')),
  });
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([text, changes]) => {
      let result = text;
      for (const { at, removed, from, copied, piece } of changes) {
        const start = Math.floor(at * result.length);
        const source = Math.floor(from * result.length);
        const insert = piece === '' ? result.slice(source, source + copied) : piece;
        result = result.slice(0, start) + insert + result.slice(start + removed);
      }
      return result;
    });
}
