import {
  Composer,
  type Document,
  isAlias,
  isMap as isYamlMap,
  isPair,
  isScalar,
  isSeq,
  Parser,
} from 'yaml';
import type { Alias, Node, Pair, ParsedNode, Scalar as YamlScalar, YAMLMap, YAMLSeq } from 'yaml';
import type { Findings } from './findings.ts';
import type { TagSite } from './tags.ts';
import {
  isMap,
  newList,
  newMap,
  pushItem,
  setKey,
  type Source,
  type Span,
  spansAt,
  type TreeMap,
  type TreeValue,
} from './tree.ts';
import { resolvePlain, scalarText } from './yaml-scalars.ts';
import { checkCharacters, yamlFindings } from './yaml-errors.ts';

/** As docker compose v5: what one document may expand to, and how deep it may nest. */
const maxNodes = 100_000;
const maxDepth = 200;

export interface ParsedDocument {
  readonly root: TreeMap;
  /** Values under !reset or !override, by the holder and key they stand at. */
  readonly tags: readonly TagSite[];
}

/** Text → one tree per YAML document. Documents without content are left out. */
export function parse(source: Source, findings: Findings): ParsedDocument[] {
  if (!checkCharacters(source, findings)) return [];
  const documents = composeDocuments(source, findings);
  const parsed: ParsedDocument[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) {
      yamlFindings(document.errors, source, findings);
      continue;
    }
    const result = new TreeBuilder(source, findings).build(document);
    if (result !== null) parsed.push(result);
  }
  return parsed;
}

type YamlDocument = Document.Parsed<ParsedNode, false> | Document.Parsed;

function composeDocuments(source: Source, findings: Findings): YamlDocument[] {
  // Scalars stay text here: yaml-scalars.ts resolves them, as positions and quoting decide how.
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, stringKeys: false });
  try {
    return [
      ...composer.compose(new Parser().parse(source.text), true, source.text.length),
    ] as YamlDocument[];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    findings.error('too-deep', `nests deeper than ${maxDepth} levels`, {
      span: { source, start: 0, end: 1 },
    });
    return [];
  }
}

/** Thrown to leave the recursion once a limit was reported. */
class LimitReached extends Error {}

class TreeBuilder {
  readonly #source: Source;
  readonly #findings: Findings;
  readonly #anchors = new Map<string, Node>();
  /** Which node an alias meant where it stood: an anchor's name may be given away again later. */
  readonly #targets = new Map<Alias, Node | null>();
  readonly #open = new Set<Node>();
  readonly #tags: TagSite[] = [];
  #nodes = 0;
  #depth = 0;

  constructor(source: Source, findings: Findings) {
    this.#source = source;
    this.#findings = findings;
  }

  build(document: YamlDocument): ParsedDocument | null {
    const { contents } = document;
    if (contents === null) return null;
    try {
      const value = this.#value(contents);
      if (isMap(value)) return { root: value, tags: this.#tags };
      if (value === null) return null;
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      return null;
    }
    this.#findings.error('invalid-type', 'a compose file must be a mapping of keys to values', {
      span: this.#span(contents),
      hint: 'start with "services:" and indent the services below it',
    });
    return null;
  }

  #value(node: Node | null): TreeValue {
    if (node === null) return null;
    this.#count(node);
    if (isAlias(node)) return this.#alias(node);
    if (node.anchor !== undefined && !this.#open.has(node)) this.#anchors.set(node.anchor, node);
    this.#open.add(node);
    this.#depth += 1;
    try {
      if (isYamlMap(node)) return this.#map(node);
      if (isSeq(node)) return this.#list(node);
      return isScalar(node) ? this.#scalar(node) : null;
    } finally {
      this.#depth -= 1;
      this.#open.delete(node);
    }
  }

  #count(node: Node): void {
    this.#nodes += 1;
    if (this.#nodes > maxNodes) {
      this.#findings.error('alias-limit', `aliases expand to more than ${maxNodes} values`, {
        span: this.#span(node),
        hint: 'write out what the anchors stand for, or use fewer levels of them',
      });
      throw new LimitReached();
    }
    if (this.#depth > maxDepth) {
      this.#findings.error('too-deep', `nests deeper than ${maxDepth} levels`, {
        span: this.#span(node),
      });
      throw new LimitReached();
    }
  }

  #alias(node: Alias): TreeValue {
    if (!this.#targets.has(node)) this.#targets.set(node, this.#anchors.get(node.source) ?? null);
    const target = this.#targets.get(node) ?? null;
    if (target === null) {
      this.#findings.error(
        'yaml-syntax',
        `alias "*${node.source}" has no anchor "&${node.source}" above it`,
        {
          span: this.#span(node),
          hint: 'anchors are known in their own file only, below the place where they are defined',
        },
      );
      return null;
    }
    if (this.#open.has(target)) {
      this.#findings.error('alias-limit', `anchor "&${node.source}" contains itself`, {
        span: this.#span(node),
      });
      throw new LimitReached();
    }
    return this.#value(target);
  }

  #scalar(node: YamlScalar): TreeValue {
    const text = typeof node.value === 'string' ? node.value : '';
    if (node.type !== 'PLAIN' && node.tag === undefined) return text;
    switch (node.tag) {
      case 'tag:yaml.org,2002:str':
      case '!':
        return text;
      case 'tag:yaml.org,2002:null':
        return null;
      default:
    }
    const plain = resolvePlain(text);
    if (plain.kind === 'value') return plain.value;
    this.#findings.error('invalid-type', `${text} is read as a date`, {
      span: this.#span(node),
      label: 'quote it to make it a string',
    });
    return text;
  }

  #list(node: YAMLSeq): TreeValue {
    const list = newList([], this.#span(node));
    for (const item of node.items as (Node | null)[]) {
      if (item === null) continue;
      const value = this.#value(item);
      this.#tagAt(item, list, list.length);
      pushItem(list, value, this.#span(item));
    }
    return list;
  }

  #map(node: YAMLMap): TreeValue {
    const map = newMap(this.#span(node));
    const merges: Node[] = [];
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      if (!isPair(pair)) continue;
      const isMerge =
        isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.value === '<<' && pair.value;
      if (isMerge) merges.push(isMerge);
      else this.#entry(map, pair);
    }
    for (const merge of merges) this.#merge(map, merge);
    return map;
  }

  #entry(map: TreeMap, { key: keyNode, value: valueNode }: Pair<Node | null, Node | null>): void {
    const key = this.#key(keyNode);
    if (key === null || keyNode === null) return;
    const keySpan = this.#span(keyNode);
    if (Object.hasOwn(map, key)) {
      this.#findings.error('duplicate-key', `key "${key}" stands twice`, {
        span: keySpan,
        related: [{ message: 'first at', span: spansAt(map, key).key }],
        hint: 'remove one of them, or move what it says into the other',
      });
      return;
    }
    const value = this.#value(valueNode);
    this.#tagAt(valueNode, map, key);
    const isEmpty = valueNode === null || (isScalar(valueNode) && this.#isEmpty(valueNode));
    setKey(map, [key, value], { key: keySpan, value: isEmpty ? keySpan : this.#span(valueNode) });
  }

  #isEmpty(node: Node): boolean {
    const { start, end } = this.#span(node);
    return start === end;
  }

  #key(node: Node | null): string | null {
    const value = node === null ? null : this.#value(node);
    if (value !== null && typeof value !== 'object') return scalarText(value);
    this.#findings.error('invalid-type', 'a key must be a string', {
      span: node === null ? null : this.#span(node),
    });
    return null;
  }

  /** `<<`: keys of the map itself win over merged ones, earlier maps of a list over later ones. */
  #merge(map: TreeMap, node: Node): void {
    const value = this.#value(node);
    for (const merged of Array.isArray(value) ? value : [value]) {
      if (!isMap(merged)) {
        this.#findings.error('invalid-type', '"<<" merges mappings only', {
          span: this.#span(node),
        });
        return;
      }
      for (const key of Object.keys(merged)) {
        if (Object.hasOwn(map, key)) continue;
        setKey(map, [key, merged[key] ?? null], spansAt(merged, key));
        const tagged = this.#tags.find((site) => site.holder === merged && site.key === key);
        if (tagged !== undefined) this.#tags.push({ ...tagged, holder: map, isMerged: true });
      }
    }
  }

  #tagAt(node: Node | null, holder: TreeMap | TreeValue[], key: string | number): void {
    const tagged = node !== null && isAlias(node) ? this.#targets.get(node) : node;
    const tag = (tagged as { tag?: string } | null | undefined)?.tag;
    if (tag === '!reset' || tag === '!override') this.#tags.push({ tag, holder, key });
  }

  #span(node: Node | null): Span {
    const [start, end] = (node as ParsedNode | null)?.range ?? [0, 0];
    return { source: this.#source, start, end };
  }
}
