/** How go-yaml v3 sorts the keys of a map: letters after everything else, runs of digits by their value. */

export function compareKeys(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  let at = 0;
  while (at < shorter && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  if (at === shorter) return left.length - right.length;
  const [a, b] = [left.codePointAt(at) ?? 0, right.codePointAt(at) ?? 0];
  const [aIsLetter, bIsLetter] = [isLetter(a), isLetter(b)];
  if (aIsLetter && bIsLetter) return a - b;
  if (aIsLetter !== bIsLetter) {
    // A letter ends a number, and "1a" comes before "10" and "1.".
    const isAfterDigit = at > 0 && isDigit(left.charCodeAt(at - 1));
    return aIsLetter === isAfterDigit ? -1 : 1;
  }
  return compareNumbers(left, right, at) || a - b;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  if (code < 0x80) return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return /\p{L}/u.test(String.fromCodePoint(code));
}

/** Neither has a letter at `at`. Where digits begin or go on, the numbers that they make are compared. */
function compareNumbers(left: string, right: string, at: number): number {
  const [x, y] = [digitsAt(left, at), digitsAt(right, at)];
  // Within a number a zero is worth as much as any digit, at its beginning it is worth nothing.
  const hasZero = left[at] === '0' || right[at] === '0';
  const lead = hasZero && /[1-9][0-9]*$/u.test(left.slice(0, at)) ? '1' : '0';
  const [a, b] = [BigInt(lead + x), BigInt(lead + y)];
  if (a !== b) return a < b ? -1 : 1;
  return x.length - y.length;
}

function digitsAt(text: string, start: number): string {
  let end = start;
  while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
  return text.slice(start, end);
}
