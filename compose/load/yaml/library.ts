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
import { endOfEntries, endOfItems, TextLimit, type YamlEntry, type YamlNode } from './node.ts';

export interface LibraryDocument {
  readonly errors: readonly YamlMistake[];
  /** null: the document is empty. */
  readonly contents: YamlNode | null;
}
type Parsed = Document.Parsed<ParsedNode, false> | Document.Parsed;

export interface TextLimits {
  readonly maxDepth: number;
  readonly maxTokens: number;
  readonly maxNodes: number;
  readonly maxDocuments: number;
  readonly maxMistakes: number;
}

/** Throws TextLimit. */
export function readWithLibrary(text: string, limits: TextLimits): LibraryDocument[] {
  // Scalars stay text here: yaml-scalars.ts resolves them, as positions and quoting decide how.
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, stringKeys: false });
  const documents = composer.compose(tokensOf(text, limits), true, text.length);
  const read: LibraryDocument[] = [];
  let mistakes = 0;
  const converter = new Converter(limits.maxNodes);
  for (const { errors: found, contents } of documents as Iterable<Parsed>) {
    const errors = found.filter(isMistake);
    mistakes += errors.length;
    const isWrong = errors.length > 0 || contents === null;
    read.push({
      errors: errors.slice(0, limits.maxMistakes),
      contents: isWrong ? null : converter.convert(contents),
    });
    if (mistakes > limits.maxMistakes) break;
  }
  return read;
}

/** The library's own loop, which would go on as long as there is text: composing recurses, and keeps every token. */
function* tokensOf(text: string, limits: TextLimits): Iterable<CST.Token> {
  const parser = new Parser();
  let tokens = 0;
  let documents = 0;
  let mistakes = 0;
  const properties = new Properties();
  for (const lexeme of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > limits.maxTokens) throw new TextLimit('tokens', parser.offset);
    // What there is by then shows the mistake.
    if (properties.count(lexeme) > limits.maxMistakes || mistakes > limits.maxMistakes) break;
    for (const token of parser.next(lexeme)) {
      // Directives are none, and no compose file has many.
      if (token.type === 'error' || token.type === 'directive') mistakes += 1;
      else if (token.type === 'document') documents += 1;
      yield token;
    }
    if (documents > limits.maxDocuments) throw new TextLimit('documents', parser.offset);
    // A document and a scalar may be on the stack beside maps and lists.
    if (parser.stack.length > limits.maxDepth + 2) throw new TextLimit('depth', parser.offset);
  }
  yield* parser.end();
}

/** Anchors and tags in a row: more than two of each are a mistake each. */
class Properties {
  #count = 0;

  count(lexeme: string): number {
    if (/^[&!]/.test(lexeme)) this.#count += 1;
    else if (lexeme.trim() !== '') this.#count = 0;
    return this.#count;
  }
}

/** The library's nodes → ours. */
class Converter {
  readonly #maxNodes: number;
  #nodes = 0;

  constructor(maxNodes: number) {
    this.#maxNodes = maxNodes;
  }

  convert(node: Node): YamlNode {
    const [start, end] = (node as ParsedNode).range;
    if (isAlias(node)) return { kind: 'alias', name: node.source, start, end };
    const { anchor, tag } = node as { anchor?: string; tag?: string };
    if (isMap(node)) {
      const pairs = node.items as readonly Pair<Node | null, Node | null>[];
      const entries = pairs.flatMap((pair) => (isPair(pair) ? [this.#entry(pair, start)] : []));
      const last = node.flow === true ? end : endOfEntries(entries, start);
      return { kind: 'map', entries, start, end: last, anchor, tag };
    }
    if (isSeq(node)) {
      const nodes = node.items as readonly (Node | null)[];
      const items = nodes.flatMap((item) => (item === null ? [] : [this.#item(item)]));
      const last = node.flow === true ? end : endOfItems(items, start);
      return { kind: 'list', items, start, end: last, anchor, tag };
    }
    const value = isScalar(node) ? node.value : null;
    const text = typeof value === 'string' ? value : '';
    const isPlain = isScalar(node) && node.type === 'PLAIN';
    return { kind: 'scalar', text, isPlain, start, end, anchor, tag };
  }

  #entry({ key, value }: Pair<Node | null, Node | null>, start: number): YamlEntry {
    this.#count((key as ParsedNode | null)?.range[0] ?? start);
    return {
      key: key && this.convert(key),
      value: value && withoutNothing(this.convert(value)),
    };
  }

  #item(node: Node): YamlNode {
    this.#count((node as ParsedNode).range[0]);
    return this.convert(node);
  }

  #count(offset: number): void {
    this.#nodes += 1;
    if (this.#nodes > this.#maxNodes) throw new TextLimit('nodes', offset);
  }
}

/** Nothing, as the library writes it down: a scalar without extent. */
function withoutNothing(node: YamlNode): YamlNode | null {
  const isNothing = node.kind === 'scalar' && node.start === node.end;
  return isNothing && node.anchor === undefined && node.tag === undefined ? null : node;
}
