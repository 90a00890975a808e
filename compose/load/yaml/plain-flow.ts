/** `[a, b]` and `{a: b}` for the plain reader. */
import { type Cursor, notPlain, space } from './cursor.ts';
import type { Properties, YamlEntry, YamlNode, YamlScalar } from './node.ts';
import { beginsPlain, readAlias, readQuoted, scalar } from './plain-scalars.ts';

const maxDepth = 50;

const comma = 0x2c;
const colon = 0x3a;
const openList = 0x5b;
const closeList = 0x5d;
const openMap = 0x7b;
const closeMap = 0x7d;
const asterisk = 0x2a;
const quotes = new Set([0x22, 0x27]);
const ends = new Set([comma, closeList, closeMap]);
/** What a plain scalar inside of brackets cannot hold. */
const specials = /[\n,[\]{}#]|:(?=[ \n,[\]{}]|$)/g;

export class FlowReader {
  readonly #cursor: Cursor;
  /** Continuation lines are indented deeper. */
  readonly #parent: number;
  #depth = 0;

  constructor(cursor: Cursor, parent: number) {
    this.#cursor = cursor;
    this.#parent = parent;
  }

  static begins(cursor: Cursor): boolean {
    const code = cursor.code();
    return code === openList || code === openMap;
  }

  read({ anchor, tag }: Properties): YamlNode {
    const cursor = this.#cursor;
    const start = cursor.at;
    const isList = cursor.code() === openList;
    cursor.at += 1;
    this.#depth += 1;
    if (this.#depth > maxDepth) notPlain();
    const items: YamlNode[] = [];
    const entries: YamlEntry[] = [];
    const close = isList ? closeList : closeMap;
    for (;;) {
      this.#skip(close);
      if (cursor.code() === close) break;
      cursor.count();
      if (isList) items.push(this.#value());
      else entries.push(this.#entry());
      this.#skip(close);
      if (cursor.code() === comma) cursor.at += 1;
      else if (cursor.code() !== close) notPlain();
    }
    cursor.at += 1;
    this.#depth -= 1;
    const range = { start, end: cursor.at, anchor, tag };
    return isList ? { kind: 'list', items, ...range } : { kind: 'map', entries, ...range };
  }

  /** Over spaces and line breaks. */
  #skip(close: number): void {
    const cursor = this.#cursor;
    cursor.skipSpaces();
    if (cursor.at < cursor.lineEnd) return;
    cursor.nextLine();
    if (cursor.column > this.#parent) return;
    // The bracket that ends the whole may stand below what began it.
    const isEnd = this.#depth === 1 && cursor.code() === close && cursor.column === this.#parent;
    if (!isEnd) notPlain();
  }

  #entry(): YamlEntry {
    const cursor = this.#cursor;
    const key = quotes.has(cursor.code()) ? readQuoted(cursor, {}) : this.#plain();
    if (cursor.code() !== colon || key.end - key.start > 1000) notPlain();
    cursor.at += 1;
    cursor.skipSpaces();
    if (cursor.at >= cursor.lineEnd) notPlain();
    return { key, value: ends.has(cursor.code()) ? null : this.#value() };
  }

  #value(): YamlNode {
    const cursor = this.#cursor;
    const code = cursor.code();
    if (code === openList || code === openMap) return this.read({});
    if (code === asterisk) return readAlias(cursor);
    const value = quotes.has(code) ? readQuoted(cursor, {}) : this.#plain();
    cursor.skipSpaces();
    if (cursor.code() === colon) notPlain();
    return value;
  }

  /** Up to what ends it, without the spaces before. */
  #plain(): YamlScalar {
    const cursor = this.#cursor;
    const start = cursor.at;
    if (!beginsPlain(cursor)) notPlain();
    specials.lastIndex = start;
    const stop = specials.exec(cursor.text)?.index ?? notPlain();
    const end = cursor.trimmedEnd(start, stop);
    const code = cursor.code(stop);
    const isEnd = ends.has(code) || (code === colon && cursor.code(stop - 1) !== space);
    if (!isEnd) notPlain();
    cursor.at = end;
    return scalar([cursor.text.slice(start, end), true], [start, end], {});
  }
}
