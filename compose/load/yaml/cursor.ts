/**
 * Where the plain reader stands in the text, line by line. Searches are remembered, so that a text without a colon
 * is searched for colons once and not from every line.
 */

import { TextLimit } from './node.ts';

export const space = 0x20;
export const hash = 0x23;

/** The text says something that the plain reader leaves to the library. */
export class NotPlain extends Error {}

export function notPlain(): never {
  throw new NotPlain();
}

export class Cursor {
  readonly text: string;
  /** Of the next character to read. */
  at = 0;
  /** Of the line break that ends the line, or the length of the text. */
  lineEnd = -1;
  /** How far the line is indented; -1 at the end of the text. */
  column = -1;
  #nodes = 0;
  readonly #maxNodes: number;
  #colon = -1;
  #hash = -1;

  constructor(text: string, maxNodes: number) {
    this.text = text;
    this.#maxNodes = maxNodes;
  }

  /** One more entry or item. */
  count(): void {
    this.#nodes += 1;
    if (this.#nodes > this.#maxNodes) throw new TextLimit('nodes', this.at);
  }

  code(at: number = this.at): number {
    return this.text.charCodeAt(at);
  }

  skipSpaces(): void {
    while (this.text.charCodeAt(this.at) === space) this.at += 1;
  }

  /** To the first character of the next line that is neither empty nor a comment. */
  nextLine(): void {
    const { text } = this;
    let start = this.lineEnd + 1;
    while (start < text.length) {
      this.at = start;
      this.skipSpaces();
      this.lineEnd = this.#breakAfter(this.at);
      if (this.at < this.lineEnd && this.code() !== hash) {
        this.column = this.at - start;
        if (this.column === 0 && isMarker(text, this.at)) notPlain();
        return;
      }
      start = this.lineEnd + 1;
    }
    this.at = text.length;
    this.lineEnd = text.length;
    this.column = -1;
  }

  /** What is read next may be on a later line than what was read before. */
  stayOnLine(): void {
    if (this.at > this.lineEnd) this.lineEnd = this.#breakAfter(this.at);
  }

  #breakAfter(at: number): number {
    const found = this.text.indexOf('\n', at);
    return found === -1 ? this.text.length : found;
  }

  /** After a value nothing but a comment may stand on its line. */
  finishLine(): void {
    const from = this.at;
    this.skipSpaces();
    const isAtEnd = this.at >= this.lineEnd;
    if (!isAtEnd && (this.code() !== hash || this.at === from)) notPlain();
    this.nextLine();
  }

  /** Offset of the first colon on this line from `from` on that ends a key, or -1. */
  keyEnd(from: number): number {
    for (let at = from; ; at = this.#colon + 1) {
      if (this.#colon < at) this.#colon = offsetOf(this.text, ':', at);
      if (this.#colon >= this.lineEnd) return -1;
      if (this.#colon + 1 === this.lineEnd || this.code(this.#colon + 1) === space) {
        return this.#colon < this.commentStart(from) ? this.#colon : -1;
      }
    }
  }

  /** Offset where a comment begins on this line, or where the line ends. */
  commentStart(from: number): number {
    for (let at = from; ; at = this.#hash + 1) {
      if (this.#hash < at) this.#hash = offsetOf(this.text, '#', at);
      if (this.#hash >= this.lineEnd) return this.lineEnd;
      if (this.code(this.#hash - 1) === space) return this.#hash;
    }
  }

  /** Offset after the last character in [from, to) that is no space. */
  trimmedEnd(from: number, to: number): number {
    let end = to;
    while (end > from && this.code(end - 1) === space) end -= 1;
    return end;
  }
}

function offsetOf(text: string, character: string, from: number): number {
  const found = text.indexOf(character, from);
  return found === -1 ? Infinity : found;
}

/** `---` and `...`: between documents. */
function isMarker(text: string, at: number): boolean {
  return text.startsWith('---', at) || text.startsWith('...', at);
}
