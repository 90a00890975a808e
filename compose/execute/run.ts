import type { OnProgress, ProgressEvent } from './progress.ts';
import type { EnginePort } from './engine.ts';
import { RestartPolicies } from './restart-policies.ts';

/** A container, network or volume that this run made, for undoing. */
export interface Made {
  readonly kind: 'container' | 'network' | 'volume';
  readonly name: string;
  readonly ref: string;
}

/** What an engine said when it created a container of a service. */
export interface EngineWarning {
  readonly service: string;
  readonly text: string;
}

/** A line that a hook has printed. */
export interface HookLine {
  readonly container: string;
  readonly service: string | null;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export type OnHookOutput = (line: HookLine) => void;

export interface RunFacts {
  readonly onProgress?: OnProgress | undefined;
  readonly onOutput?: OnHookOutput | undefined;
  readonly policies?: RestartPolicies | undefined;
}

/** What the handlers of one run share. */
export class Run {
  readonly engine: EnginePort;
  readonly signal: AbortSignal;
  readonly warnings: Set<string> = new Set<string>();
  readonly engineWarnings: EngineWarning[] = [];
  /** Of the run whose failure this one takes back, where it does that. */
  readonly policies: RestartPolicies;
  readonly #onProgress: OnProgress;
  readonly #onOutput: OnHookOutput;
  readonly #made: Made[] = [];
  readonly #ids = new Map<string, string>();

  constructor(engine: EnginePort, signal: AbortSignal, facts: RunFacts) {
    const { onProgress, onOutput, policies } = facts;
    this.engine = engine;
    this.signal = signal;
    this.#onProgress = onProgress ?? (() => undefined);
    this.#onOutput = onOutput ?? (() => undefined);
    this.policies = policies ?? new RestartPolicies();
  }

  print(line: HookLine): void {
    this.#onOutput(line);
  }

  report(event: ProgressEvent): void {
    this.#onProgress(event);
  }

  /** Newest first: the order of undoing. */
  get made(): readonly Made[] {
    return [...this.#made].reverse();
  }

  addMade(made: Made): void {
    this.#made.push(made);
  }

  addEngineWarning(warning: EngineWarning): void {
    this.engineWarnings.push(warning);
  }

  /** It has taken its place for good: a later failure does not take it back. */
  keep(ref: string): void {
    const at = this.#made.findIndex((made) => made.ref === ref);
    if (at !== -1) this.#made.splice(at, 1);
  }

  /** The plan addresses what it creates by name; from then on its id is known. */
  setId(ref: string, id: string): void {
    this.#ids.set(ref, id);
  }

  idOf(ref: string): string {
    return this.#ids.get(ref) ?? ref;
  }
}
