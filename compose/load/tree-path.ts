import type { Path } from './tree.ts';

/** "services.*.ports.[]": `*` is any key, `[]` any item. */
export type Pattern = string;

/**
 * Rules by path pattern. Patterns of one table must not overlap, so that their order cannot matter;
 * that is checked when the table is built.
 */
export class PathTable<T> {
  readonly #rows: readonly (readonly [Pattern, T])[];
  #root: Branch<T> | null = null;

  /** Costs nothing until the first match: tables are made when their module is loaded. */
  constructor(rows: readonly (readonly [Pattern, T])[]) {
    this.#rows = rows;
  }

  #build(): Branch<T> {
    const root: Branch<T> = { children: new Map() };
    for (const [pattern, value] of this.#rows) insert(root, pattern, value);
    return root;
  }

  match(path: Path): T | undefined {
    this.#root ??= this.#build();
    return descend(this.#root, path, 0)?.value;
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

function descend<T>(branch: Branch<T>, path: Path, at: number): { readonly value: T } | undefined {
  const step = path[at];
  if (step === undefined) return branch.rule;
  const exact = typeof step === 'number' ? '[]' : step;
  for (const part of [exact, '*']) {
    const child = branch.children.get(part);
    const found = child && descend(child, path, at + 1);
    if (found) return found;
  }
  return undefined;
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
