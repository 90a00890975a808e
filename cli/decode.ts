/** The text in the bytes of a file, as YAML reads it: UTF-8, or UTF-16 behind a byte order mark (yaml.org/spec/1.2.2 §5.2). */
import { isUtf8 } from 'node:buffer';

export function decode(bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return bytes.toString('utf16le', 2);
  if (first === 0xfe && second === 0xff) {
    const even = bytes.subarray(2, bytes.length - (bytes.length % 2));
    return Buffer.from(even).swap16().toString('utf16le');
  }
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !isUtf8(bytes) ? withMarkedBytes(bytes) : text;
}

/**
 * A byte that is no UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF, which no text can hold otherwise: compose/ reports
 * it at its place.
 */
function withMarkedBytes(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = validLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    } else {
      text += bytes.toString('utf8', at, at + length);
      at += length;
    }
  }
  return text;
}

/** How many bytes the character at an offset has; 0 where none begins. */
function validLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4; length += 1) {
    const part = bytes.subarray(at, at + length);
    if (part.length === length && isUtf8(part)) return length;
  }
  return 0;
}
