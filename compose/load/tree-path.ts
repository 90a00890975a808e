import type { Path } from './tree.ts';

/** "services.*.ports.[]": `*` is any key, `[]` any item. */
export type Pattern = string;

/**
 * Rules by path pattern. Patterns of one table must not overlap, so that their order cannot matter;
 * that is checked when the table is built.
 */
export class PathTable<T> {
  readonly #rows: readonly (readonly [Pattern, T])[];
  #root: Level<T> | null = null;

  /** Costs nothing until the first match: tables are made when their module is loaded. */
  constructor(rows: readonly (readonly [Pattern, T])[]) {
    this.#rows = rows;
  }

  /** Where a walk begins that goes down the table together with the tree. */
  get root(): Level<T> {
    if (this.#root === null) {
      const root: Branch<T> = { children: new Map() };
      for (const [pattern, value] of this.#rows) insert(root, pattern, value);
      this.#root = new Level([root]);
    }
    return this.#root;
  }

  match(path: Path): T | undefined {
    let level: Level<T> | null = this.root;
    for (const step of path) level = level?.at(step) ?? null;
    return level?.value;
  }
}

function insert<T>(root: Branch<T>, pattern: Pattern, value: T): void {
  let branch = root;
  for (const part of pattern.split('.')) {
    let child = branch.children.get(part);
    if (child === undefined) {
      child = { children: new Map() };
      branch.children.set(part, child);
    }
    branch = child;
  }
  if (branch.rule !== undefined) throw new TypeError(`pattern ${pattern} stands twice`);
  branch.rule = { value };
}

interface Branch<T> {
  readonly children: Map<string, Branch<T>>;
  rule?: { readonly value: T };
}

/** The rows of a table that the steps so far lead to. */
export class Level<T> {
  /** Of the row whose pattern ends here. */
  readonly value: T | undefined;
  /** Those with more of exact steps first. */
  readonly #branches: readonly Branch<T>[];
  /** By the keys that patterns name; what they do not name leads where `*` does. */
  readonly #next = new Map<string, Level<T> | null>();
  #other: Level<T> | null | undefined;

  constructor(branches: readonly Branch<T>[]) {
    this.#branches = branches;
    this.value = branches.find(({ rule }) => rule !== undefined)?.rule?.value;
  }

  /** null: no pattern goes on with this step. */
  at(step: string | number): Level<T> | null {
    const part = typeof step === 'number' ? '[]' : step;
    const known = this.#next.get(part);
    if (known !== undefined) return known;
    if (this.#branches.some(({ children }) => children.has(part))) {
      const next = this.#follow([part, '*']);
      this.#next.set(part, next);
      return next;
    }
    if (this.#other === undefined) this.#other = this.#follow(['*']);
    return this.#other;
  }

  #follow(parts: readonly string[]): Level<T> | null {
    const branches = this.#branches.flatMap(({ children }) =>
      parts.flatMap((part) => children.get(part) ?? []),
    );
    return branches.length === 0 ? null : new Level(branches);
  }
}

/** `services.web.ports[0]`, with keys that hold dots in quotes. */
export function printPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else {
      const key = /^[^.[\]"\s]+$/.test(step) ? step : JSON.stringify(step);
      text += text === '' ? key : `.${key}`;
    }
  }
  return text;
}
