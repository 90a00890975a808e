import { didYouMean } from '../schema/nearest.ts';
import type { Findings } from './findings.ts';
import { maxAliased, maxDepth } from './limits.ts';
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
import { readYaml } from './yaml/read.ts';
import type { YamlAlias, YamlEntry, YamlList, YamlMap, YamlNode, YamlScalar } from './yaml/node.ts';
import { resolvePlain, scalarText } from './yaml-scalars.ts';

export interface ParsedDocument {
  readonly root: TreeMap;
  /** Values under !reset or !override, by the holder and key they stand at. */
  readonly tags: readonly TagSite[];
  readonly oddKeys: readonly OddKey[];
}

/** A key that YAML reads as no string: an error, where the schema has nothing better to say about its map. */
export interface OddKey {
  readonly type: string;
  readonly text: string;
  readonly span: Span;
}

/** Text → one tree per YAML document. Documents without content are left out. */
export function parse(source: Source, findings: Findings): ParsedDocument[] {
  // An anchor is known in the documents below its own as well, as go-yaml has it.
  const aliases: Aliases = { anchors: new Map(), expanded: 0 };
  return readYaml(source, findings).flatMap((contents) => {
    const result = new TreeBuilder({ source, findings, aliases }).build(contents);
    return result === null ? [] : [result];
  });
}

const composeTags: readonly string[] = ['!reset', '!override'];

/** Thrown to leave the recursion once a limit was reported. */
class LimitReached extends Error {}

/** What the documents of a file share. */
interface Aliases {
  readonly anchors: Map<string, YamlNode>;
  /** Values that stand there through aliases alone. */
  expanded: number;
}

interface BuilderScope {
  readonly source: Source;
  readonly findings: Findings;
  readonly aliases: Aliases;
}

class TreeBuilder {
  readonly #source: Source;
  readonly #findings: Findings;
  readonly #aliases: Aliases;
  /** Which node an alias meant where it stood: an anchor's name may be given away again later. */
  readonly #targets = new Map<YamlAlias, YamlNode | null>();
  /** Nodes with an anchor that the walk is in. */
  readonly #open = new Set<YamlNode>();
  readonly #tags: TagSite[] = [];
  readonly #oddKeys: OddKey[] = [];
  /** The same by holder and key. */
  readonly #tagged = new Map<object, Map<string | number, TagSite['tag']>>();
  /** The alias that the walk is in, as it stands in the document: the one that others led to is rarely to blame. */
  #expanding: YamlAlias | null = null;
  #depth = 0;

  constructor({ source, findings, aliases }: BuilderScope) {
    this.#source = source;
    this.#findings = findings;
    this.#aliases = aliases;
  }

  build(contents: YamlNode): ParsedDocument | null {
    try {
      const value = this.#value(contents);
      if (isMap(value)) return { root: value, tags: this.#tags, oddKeys: this.#oddKeys };
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

  #value(node: YamlNode | null): TreeValue {
    if (node === null) return null;
    if (this.#expanding !== null) this.#countAliased(this.#expanding);
    if (node.kind === 'alias') return this.#alias(node);
    if (node.tag !== undefined) this.#checkTag(node.tag, node);
    if (node.anchor === undefined) return this.#plain(node);
    if (!this.#open.has(node)) this.#aliases.anchors.set(node.anchor, node);
    this.#open.add(node);
    const value = this.#plain(node);
    this.#open.delete(node);
    return value;
  }

  #plain(node: YamlScalar | YamlList | YamlMap): TreeValue {
    if (node.kind === 'scalar') return this.#scalar(node);
    this.#depth += 1;
    if (this.#depth > maxDepth) {
      this.#findings.error('too-deep', `nests deeper than ${maxDepth} levels`, {
        span: this.#span(node),
      });
      throw new LimitReached();
    }
    const value = node.kind === 'map' ? this.#map(node) : this.#list(node);
    this.#depth -= 1;
    return value;
  }

  /** Whoever writes `!rest` means `!reset`, and would find the value still there. */
  #checkTag(tag: string, node: YamlNode): void {
    if (tag === '!' || tag.startsWith('tag:yaml.org,2002:') || composeTags.includes(tag)) return;
    const advice = didYouMean(tag, composeTags);
    this.#findings.warn(
      `the tag ${tag} says nothing to Compose${advice === undefined ? '' : `: ${advice}`}`,
      this.#span(node),
    );
  }

  #countAliased(alias: YamlAlias): void {
    this.#aliases.expanded += 1;
    if (this.#aliases.expanded <= maxAliased) return;
    this.#findings.error('alias-limit', `aliases expand to more than ${maxAliased} values`, {
      span: this.#span(alias),
      hint: 'write out what the anchors stand for, or use fewer levels of them',
    });
    throw new LimitReached();
  }

  #alias(node: YamlAlias): TreeValue {
    let target = this.#targets.get(node);
    if (target === undefined) {
      target = this.#aliases.anchors.get(node.name) ?? null;
      this.#targets.set(node, target);
    }
    if (target === null) {
      this.#findings.error(
        'yaml-syntax',
        `alias "*${node.name}" has no anchor "&${node.name}" above it`,
        {
          span: this.#span(node),
          hint: 'anchors are known in their own file only, below the place where they are defined',
        },
      );
      return null;
    }
    if (this.#open.has(target)) {
      this.#findings.error('alias-limit', `anchor "&${node.name}" contains itself`, {
        span: this.#span(node),
      });
      throw new LimitReached();
    }
    const outer = this.#expanding;
    this.#expanding ??= node;
    const value = this.#value(target);
    this.#expanding = outer;
    return value;
  }

  #scalar(node: YamlScalar): TreeValue {
    const { text, tag } = node;
    if (!node.isPlain && tag === undefined) return text;
    switch (tag) {
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

  #list(node: YamlList): TreeValue {
    const list = newList([], this.#span(node));
    for (const item of node.items) {
      const value = this.#value(item);
      this.#tagAt(item, list, list.length);
      pushItem(list, value, this.#span(item));
    }
    return list;
  }

  #map(node: YamlMap): TreeValue {
    const map = newMap(this.#span(node));
    const merges: YamlNode[] = [];
    for (const entry of node.entries) {
      const { key, value } = entry;
      if (key?.kind === 'scalar' && key.isPlain && key.text === '<<') merges.push(value ?? key);
      else this.#entry(map, entry);
    }
    for (const merge of merges) this.#merge(map, merge);
    return map;
  }

  #entry(map: TreeMap, { key: keyNode, value: valueNode }: YamlEntry): void {
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
    if (valueNode !== null) this.#tagAt(valueNode, map, key);
    const isEmpty = valueNode === null || valueNode.start === valueNode.end;
    setKey(map, [key, value], { key: keySpan, value: isEmpty ? keySpan : this.#span(valueNode) });
  }

  #key(node: YamlNode | null): string | null {
    const value = this.#value(node);
    if (value !== null && typeof value !== 'object') {
      const type = typeof value;
      if (type !== 'string' && node !== null) {
        this.#oddKeys.push({ type, text: scalarText(value), span: this.#span(node) });
      }
      return scalarText(value);
    }
    this.#findings.error('invalid-type', 'a key must be a string', {
      span: node === null ? null : this.#span(node),
    });
    return null;
  }

  /** `<<`: keys of the map itself win over merged ones, earlier maps of a list over later ones. */
  #merge(map: TreeMap, node: YamlNode): void {
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
        const tag = this.#tagged.get(merged)?.get(key);
        if (tag !== undefined) this.#addTag({ tag, holder: map, key, isMerged: true });
      }
    }
  }

  #tagAt(node: YamlNode, holder: TreeMap | TreeValue[], key: string | number): void {
    const tag = node.kind === 'alias' ? this.#targets.get(node)?.tag : node.tag;
    if (tag === '!reset' || tag === '!override') this.#addTag({ tag, holder, key });
  }

  #addTag(site: TagSite): void {
    this.#tags.push(site);
    const known = this.#tagged.get(site.holder) ?? new Map<string | number, TagSite['tag']>();
    this.#tagged.set(site.holder, known.set(site.key, site.tag));
  }

  #span({ start, end }: YamlNode): Span {
    return { source: this.#source, start, end };
  }
}
