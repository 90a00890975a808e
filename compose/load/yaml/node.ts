/** What one YAML document says before it means anything: the common result of both readers. */

interface NodeBase {
  /** Half-open range of offsets; of a block collection from its first to its last entry. */
  readonly start: number;
  readonly end: number;
  readonly anchor?: string | undefined;
  readonly tag?: string | undefined;
}

export interface YamlScalar extends NodeBase {
  readonly kind: 'scalar';
  readonly text: string;
  /** Without quotes, and no block scalar: the text may be a number, a boolean, nothing. */
  readonly isPlain: boolean;
}

export interface YamlAlias extends NodeBase {
  readonly kind: 'alias';
  readonly name: string;
}

export interface YamlList extends NodeBase {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
}

/** null: nothing is written there. */
export interface YamlEntry {
  readonly key: YamlNode | null;
  readonly value: YamlNode | null;
}

export interface YamlMap extends NodeBase {
  readonly kind: 'map';
  readonly entries: readonly YamlEntry[];
}

export type YamlNode = YamlScalar | YamlAlias | YamlList | YamlMap;

/** What stands before a value: `&anchor`, `!tag`. */
export interface Properties {
  readonly anchor?: string | undefined;
  readonly tag?: string | undefined;
}

/** Where a block map or list ends: with the last thing written in it. */
export function endOfEntries(entries: readonly YamlEntry[], start: number): number {
  const last = entries.at(-1);
  return Math.max(start, last?.value?.end ?? 0, last?.key?.end ?? 0);
}

export function endOfItems(items: readonly YamlNode[], start: number): number {
  return Math.max(start, items.at(-1)?.end ?? 0);
}

/** Where a text goes beyond what may be read of it. */
export class TextLimit extends Error {
  readonly kind: 'depth' | 'documents' | 'nodes' | 'tokens';
  readonly offset: number;

  constructor(kind: TextLimit['kind'], offset: number) {
    super(`limit of ${kind}`);
    this.name = 'TextLimit';
    this.kind = kind;
    this.offset = offset;
  }
}

/** By its name: the library's reader is a bundle of its own, with a class of its own. */
export function isTextLimit(error: unknown): error is TextLimit {
  return error instanceof Error && error.name === 'TextLimit';
}
