/**
 * Reads YAML as nearly every compose file writes it: block maps and lists, flow collections, scalars on one line,
 * simple block scalars, anchors, aliases, !reset and !override. Anything else, and everything that may be wrong, it
 * leaves to the library, which is right about all of YAML and ten times slower. Where it reads a text, it reads the
 * same as the library: test/unit/compose/load/yaml/plain.fuzz.test.ts compares the two.
 */
import { Cursor, hash, NotPlain, notPlain, space } from './cursor.ts';
import {
  endOfEntries,
  endOfItems,
  type Properties,
  type YamlEntry,
  type YamlList,
  type YamlMap,
  type YamlNode,
} from './node.ts';
import { FlowReader } from './plain-flow.ts';
import {
  readAlias,
  readBlockScalar,
  readPlain,
  readProperties,
  readQuoted,
  scalar,
} from './plain-scalars.ts';

const dash = 0x2d;
const colon = 0x3a;
const asterisk = 0x2a;
const quotes = new Set([0x22, 0x27]);
const blockScalars = new Set([0x7c, 0x3e]);

/** As deep as files go; deeper ones are judged by the library's reader. */
const maxDepth = 50;
/** An implicit key ends within 1024 characters (YAML 1.2.2 §7.4.3). */
const maxKey = 1000;

/** Tabs, carriage returns, other controls and the byte order mark have rules of their own. */
const unusual = /[\0-\t\v-\x1f\x7f\x85\u2028\u2029\ufeff]/;

/** The one document in a text, or null where the library must read it. Throws TextLimit for too many entries. */
export function readPlainYaml(text: string, maxNodes: number): YamlNode | null {
  if (unusual.test(text)) return null;
  try {
    return new PlainReader(text, maxNodes).document();
  } catch (error) {
    if (error instanceof NotPlain) return null;
    throw error;
  }
}

class PlainReader {
  readonly #cursor: Cursor;
  #depth = 0;

  constructor(text: string, maxNodes: number) {
    this.#cursor = new Cursor(text, maxNodes);
  }

  document(): YamlNode {
    const cursor = this.#cursor;
    if (/^---\n/.test(cursor.text)) cursor.lineEnd = 3;
    cursor.nextLine();
    if (cursor.column === -1) notPlain();
    const node = this.#block({});
    if (cursor.column !== -1) notPlain();
    return node;
  }

  /** What begins with the line the cursor stands on. */
  #block(properties: Properties): YamlNode {
    const cursor = this.#cursor;
    if (this.#isDash()) return this.#list(cursor.column, properties);
    if (FlowReader.begins(cursor)) return this.#flow(cursor.column - 1, properties);
    const key = this.#key();
    return key === null ? notPlain() : this.#map(cursor.column, key, properties);
  }

  #isDash(): boolean {
    const cursor = this.#cursor;
    if (cursor.code() !== dash) return false;
    return cursor.at + 1 === cursor.lineEnd || cursor.code(cursor.at + 1) === space;
  }

  /** A key and its colon, or null with the cursor where it was. */
  #key(): YamlNode | null {
    const cursor = this.#cursor;
    const start = cursor.at;
    if (quotes.has(cursor.code())) {
      const key = readQuoted(cursor, {});
      const isKey = cursor.code() === colon && cursor.keyEnd(cursor.at) === cursor.at;
      cursor.at = isKey ? cursor.at + 1 : start;
      if (isKey && key.end - start > maxKey) notPlain();
      return isKey ? key : null;
    }
    const end = cursor.keyEnd(start);
    if (end === -1) return null;
    if (end - start > maxKey || end === start || cursor.code(end - 1) === space) notPlain();
    if (!keyStart.test(cursor.text.charAt(start))) notPlain();
    cursor.at = end + 1;
    return scalar([cursor.text.slice(start, end), true], [start, end], {});
  }

  #map(column: number, first: YamlNode, { anchor, tag }: Properties): YamlMap {
    const cursor = this.#cursor;
    this.#enter();
    const entries: YamlEntry[] = [];
    let key: YamlNode | null = first;
    for (;;) {
      cursor.count();
      entries.push({ key, value: this.#value(column, true) });
      if (cursor.column < column) break;
      if (cursor.column > column || this.#isDash()) notPlain();
      key = this.#key() ?? notPlain();
    }
    this.#depth -= 1;
    const { start } = first;
    return { kind: 'map', entries, start, end: endOfEntries(entries, start), anchor, tag };
  }

  #list(column: number, { anchor, tag }: Properties): YamlList {
    const cursor = this.#cursor;
    this.#enter();
    const start = cursor.at;
    const items: YamlNode[] = [];
    do {
      cursor.count();
      items.push(this.#item(column));
      if (cursor.column > column) notPlain();
    } while (cursor.column === column && this.#isDash());
    this.#depth -= 1;
    return { kind: 'list', items, start, end: endOfItems(items, start), anchor, tag };
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > maxDepth) notPlain();
  }

  #item(column: number): YamlNode {
    const cursor = this.#cursor;
    const lineStart = cursor.at - cursor.column;
    cursor.at += 1;
    cursor.skipSpaces();
    const isOnLine = cursor.at < cursor.lineEnd && cursor.code() !== hash;
    if (isOnLine) {
      const inner = cursor.at - lineStart;
      if (this.#isDash()) {
        cursor.column = inner;
        return this.#list(inner, {});
      }
      const key = FlowReader.begins(cursor) ? null : this.#key();
      if (key !== null) return this.#map(inner, key, {});
    }
    // An empty item is where the library says it is.
    return this.#value(column, false) ?? notPlain();
  }

  /** What follows a key or a dash; null: nothing. `column` is that of the map or list it stands in. */
  #value(column: number, isEntry: boolean): YamlNode | null {
    const cursor = this.#cursor;
    cursor.skipSpaces();
    const properties = readProperties(cursor);
    if (cursor.at >= cursor.lineEnd || cursor.code() === hash) {
      return this.#below(column, { isEntry, properties });
    }
    const code = cursor.code();
    if (blockScalars.has(code)) return readBlockScalar(cursor, column, properties);
    if (FlowReader.begins(cursor)) return this.#flow(column, properties);
    const hasProperties = properties.anchor !== undefined || properties.tag !== undefined;
    if (code === asterisk && hasProperties) notPlain();
    const node =
      code === asterisk
        ? readAlias(cursor)
        : quotes.has(code)
          ? readQuoted(cursor, properties)
          : readPlain(cursor, properties);
    this.#finish(column);
    return node;
  }

  /** Deeper lines would go on with what was just read. */
  #finish(column: number): void {
    this.#cursor.finishLine();
    if (this.#cursor.column > column) notPlain();
  }

  #flow(column: number, properties: Properties): YamlNode {
    const node = new FlowReader(this.#cursor, column).read(properties);
    this.#finish(column);
    return node;
  }

  /** A value on the lines below: deeper, or a list right below its key. */
  #below(
    column: number,
    { isEntry, properties }: { readonly isEntry: boolean; readonly properties: Properties },
  ): YamlNode | null {
    const cursor = this.#cursor;
    cursor.finishLine();
    if (cursor.column > column) return this.#block(properties);
    if (cursor.column === column && isEntry && this.#isDash()) {
      return this.#list(column, properties);
    }
    // Properties of nothing are for the library.
    if (properties.anchor !== undefined || properties.tag !== undefined) notPlain();
    return null;
  }
}

/** A key that needs no second look. */
const keyStart = /[\w.$/<(^+=~\\\u00a0-\uffff]/;
