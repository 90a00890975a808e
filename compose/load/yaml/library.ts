/** The `yaml` package as a reader: all of YAML, and what is wrong with a text. */
import { Composer, type CST, type Document, Lexer, Parser } from 'yaml';
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type ParsedNode,
} from 'yaml';
import { isMistake, type YamlMistake } from '../yaml-errors.ts';
import { endOfEntries, endOfItems, type YamlEntry, type YamlNode } from './node.ts';

export interface LibraryDocument {
  readonly errors: readonly YamlMistake[];
  /** null: the document is empty. */
  readonly contents: YamlNode | null;
}
type Parsed = Document.Parsed<ParsedNode, false> | Document.Parsed;

/** Where a text goes beyond what may be read of it. */
export class TextLimit extends Error {
  readonly kind: 'depth' | 'tokens';
  readonly offset: number;

  constructor(kind: 'depth' | 'tokens', offset: number) {
    super(`limit of ${kind}`);
    this.kind = kind;
    this.offset = offset;
  }
}

export interface TextLimits {
  readonly maxDepth: number;
  readonly maxTokens: number;
}

/** Throws TextLimit. */
export function readWithLibrary(text: string, limits: TextLimits): LibraryDocument[] {
  // Scalars stay text here: yaml-scalars.ts resolves them, as positions and quoting decide how.
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, stringKeys: false });
  const documents = composer.compose(tokensOf(text, limits), true, text.length);
  return Array.from(documents as Iterable<Parsed>, ({ errors: found, contents }) => {
    const errors = found.filter(isMistake);
    return {
      errors,
      contents: errors.length > 0 || contents === null ? null : convert(contents),
    };
  });
}

/** The library's own loop, which would go on as long as there is text: composing recurses, and keeps every token. */
function* tokensOf(text: string, { maxDepth, maxTokens }: TextLimits): Iterable<CST.Token> {
  const parser = new Parser();
  let count = 0;
  for (const token of new Lexer().lex(text)) {
    count += 1;
    if (count > maxTokens) throw new TextLimit('tokens', parser.offset);
    yield* parser.next(token);
    // A document and a scalar may be on the stack beside maps and lists.
    if (parser.stack.length > maxDepth + 2) throw new TextLimit('depth', parser.offset);
  }
  yield* parser.end();
}

function convert(node: Node): YamlNode {
  const [start, end] = (node as ParsedNode).range;
  if (isAlias(node)) return { kind: 'alias', name: node.source, start, end };
  const { anchor, tag } = node as { anchor?: string; tag?: string };
  if (isMap(node)) {
    const entries = (node.items as readonly Pair<Node | null, Node | null>[]).flatMap(entryOf);
    const last = node.flow === true ? end : endOfEntries(entries, start);
    return { kind: 'map', entries, start, end: last, anchor, tag };
  }
  if (isSeq(node)) {
    const items = (node.items as readonly (Node | null)[]).flatMap((item) =>
      item === null ? [] : [convert(item)],
    );
    const last = node.flow === true ? end : endOfItems(items, start);
    return { kind: 'list', items, start, end: last, anchor, tag };
  }
  const value = isScalar(node) ? node.value : null;
  const text = typeof value === 'string' ? value : '';
  const isPlain = isScalar(node) && node.type === 'PLAIN';
  return { kind: 'scalar', text, isPlain, start, end, anchor, tag };
}

function entryOf(pair: Pair<Node | null, Node | null>): YamlEntry[] {
  if (!isPair(pair)) return [];
  const { key, value } = pair;
  return [{ key: key && convert(key), value: value && withoutNothing(convert(value)) }];
}

/** Nothing, as the library writes it down: a scalar without extent. */
function withoutNothing(node: YamlNode): YamlNode | null {
  const isNothing = node.kind === 'scalar' && node.start === node.end;
  return isNothing && node.anchor === undefined && node.tag === undefined ? null : node;
}
