/** The graph of depends_on, as names; what loading checks and planning orders. */

/** Name → the names it needs first. */
export type DependencyGraph = ReadonlyMap<string, readonly string[]>;

/** A cycle as the path that closes it (`a, b, a`), or null. Names are visited in the graph's own order. */
export function findCycle(graph: DependencyGraph): readonly string[] | null {
  const done = new Set<string>();
  for (const start of graph.keys()) {
    const cycle = walk(graph, start, done);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** Iterative: a chain of ten thousand services is no reason to run out of stack. */
function walk(graph: DependencyGraph, start: string, done: Set<string>): readonly string[] | null {
  const path: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
  const open = new Set([start]);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const needed = done.has(top.name) ? undefined : graph.get(top.name)?.[top.next];
    top.next += 1;
    if (needed === undefined) {
      done.add(top.name);
      open.delete(top.name);
      path.pop();
    } else if (open.has(needed)) {
      const names = path.map(({ name }) => name);
      return [...names.slice(names.indexOf(needed)), needed];
    } else if (!done.has(needed)) {
      open.add(needed);
      path.push({ name: needed, next: 0 });
    }
  }
  return null;
}

/** Names so that each stands after what it needs; ties keep the graph's order. The graph has no cycle. */
export function dependencyOrder(graph: DependencyGraph): string[] {
  const ordered = new Set<string>();
  const visit = (name: string, trail: ReadonlySet<string>): void => {
    if (ordered.has(name) || trail.has(name)) return;
    const deeper = new Set(trail).add(name);
    for (const needed of graph.get(name) ?? []) if (graph.has(needed)) visit(needed, deeper);
    ordered.add(name);
  };
  for (const name of graph.keys()) visit(name, new Set());
  return [...ordered];
}
