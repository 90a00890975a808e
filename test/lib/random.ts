/** Repeatable randomness for fuzz tests: a failure shows again with the same seed. */
export type Random = (limit: number) => number;

/** Whole numbers below a limit (mulberry32). */
export function random(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** The same bytes in pieces as a network may deliver them: often single bytes, sometimes all at once. */
export function cut(bytes: Uint8Array, next: Random): Uint8Array[] {
  const longest = [1, 3, 50, 5000, 1_000_000][next(5)] ?? 1;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + next(longest);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
