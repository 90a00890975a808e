import type { Action } from './action.ts';
import type { ServiceUpdate } from './update-policy.ts';

/**
 * What a container must have reached before a node may run, beyond its action being done. One that takes the place of
 * another has settled when its update's policy says so.
 */
export type Condition = 'healthy' | 'completed' | 'settled';

/** An edge to a node of this plan, or to a container that already runs and needs no action. */
export type PlanEdge =
  | {
      readonly node: number;
      readonly condition?: Condition;
      readonly isOptional?: boolean;
      /** To wait beyond the condition. */
      readonly delayMs?: number;
    }
  | { readonly container: string; readonly condition: Condition; readonly isOptional?: boolean };

export interface PlanNode {
  /** Counts from 1 in topological order. */
  readonly id: number;
  readonly action: Action;
  readonly edges: readonly PlanEdge[];
  /** Whose policy says what becomes of the plan if the node fails. */
  readonly update?: ServiceUpdate | undefined;
}

/** A container that the plan leaves alone because it already is what the project asks for. */
export interface KeptContainer {
  readonly name: string;
  readonly service: string;
  readonly id: string;
}

/**
 * What is to be done, as a DAG in topological order. Waiting is never an action: an edge may carry a
 * condition, and the executor holds the node until it is met.
 */
export class Plan {
  readonly nodes: readonly PlanNode[];
  readonly kept: readonly KeptContainer[];
  readonly warnings: readonly string[];

  constructor(
    nodes: readonly PlanNode[],
    options: {
      readonly kept?: readonly KeptContainer[];
      readonly warnings?: readonly string[];
    } = {},
  ) {
    this.nodes = nodes;
    this.kept = options.kept ?? [];
    this.warnings = options.warnings ?? [];
  }

  get isEmpty(): boolean {
    return this.nodes.length === 0;
  }

  /** One line per node, as --dry-run prints it and tests compare it. */
  toString(): string {
    return this.nodes.map(lineOf).join('\n');
  }
}

function lineOf({ id, action, edges }: PlanNode): string {
  const subject =
    action.kind === 'renameContainer' ? `${action.name} ${action.newName}` : action.name;
  return `[${edges.map(edgeText).join(',')}] #${id} ${action.kind} ${subject} — ${action.cause}`;
}

function edgeText(edge: PlanEdge): string {
  const target = 'node' in edge ? String(edge.node) : edge.container;
  const delay = 'node' in edge && edge.delayMs !== undefined ? `+${edge.delayMs}ms` : '';
  return edge.condition === undefined ? target : `${target} ${edge.condition}${delay}`;
}

/** Collects nodes in the order in which they are added, which must be topological. */
export class PlanBuilder {
  readonly #nodes: PlanNode[] = [];

  /** Returns the node's id, for the edges of later nodes. */
  add(action: Action, edges: readonly PlanEdge[] = [], update?: ServiceUpdate): number {
    const id = this.#nodes.length + 1;
    for (const edge of edges) {
      if ('node' in edge && edge.node >= id)
        throw new TypeError(`edge ${edge.node} → ${id} points up`);
    }
    this.#nodes.push({ id, action, edges, ...(update !== undefined && { update }) });
    return id;
  }

  build(options: ConstructorParameters<typeof Plan>[1] = {}): Plan {
    return new Plan(this.#nodes, options);
  }
}
