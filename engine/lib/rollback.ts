/**
 * Undo steps of an operation under way. Each step that takes something adds how to give it back; a failure undoes
 * them in reverse, goes past steps that fail themselves, and reports all failures.
 */
export class Rollback {
  readonly #steps: Step[] = [];

  /** Runs `work` with a rollback of its own: what it added is undone if it throws, and forgotten if it returns. */
  static async guard<T>(work: (rollback: Rollback) => Promise<T>): Promise<T> {
    const rollback = new Rollback();
    try {
      return await work(rollback);
    } catch (error) {
      const failures = await rollback.undo();
      if (failures.length === 0) throw error;
      throw new AggregateError([error, ...failures], messageOf(error), { cause: error });
    }
  }

  /** `name` says what is given back, for the report: "network sandbox". */
  add(name: string, undo: () => unknown): void {
    this.#steps.push({ name, undo });
  }

  /** The operation has succeeded: nothing is to be undone any more. */
  commit(): void {
    this.#steps.length = 0;
  }

  /** Undoes everything, latest first, and returns what could not be undone. A second call has nothing to do. */
  async undo(): Promise<readonly Error[]> {
    const failures: Error[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        failures.push(
          new Error(`cannot undo "${step.name}": ${messageOf(error)}`, { cause: error }),
        );
      }
    }
    return failures;
  }
}

/** What went wrong first, where undoing has failed as well. */
export function reasonOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.cause ?? error) : error;
}

interface Step {
  readonly name: string;
  readonly undo: () => unknown;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
