/** What a test takes and gives back in reverse order, all of it, whatever fails: AsyncDisposableStack, which Node 24 has. */
export class Taken implements AsyncDisposable {
  readonly #ends: (() => unknown)[] = [];

  use<T extends AsyncDisposable>(value: T): T {
    this.defer(() => value[Symbol.asyncDispose]());
    return value;
  }

  /** What `end` returns is waited for. */
  defer(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Throws what failed, all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.join('; '));
  }
}
