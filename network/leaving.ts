/**
 * Sandboxes of which the kernel still has something although nothing leads to them any more. What they are about to give
 * back is waited for, not refused.
 */
export class LeavingSandboxes {
  readonly #closed = new Map<string, Promise<void>>();

  /** Until `closed` settles. */
  track(id: string, closed: Promise<void>): void {
    const settled = closed
      .catch(() => undefined)
      .then(() => {
        if (this.#closed.get(id) === settled) this.#closed.delete(id);
      });
    this.#closed.set(id, settled);
  }

  has(id: string): boolean {
    return this.#closed.has(id);
  }

  /** Resolves when none of these is leaving any more; never rejects. */
  async settled(sandboxes: readonly { readonly id: string }[]): Promise<void> {
    await Promise.all(sandboxes.map(({ id }) => this.#closed.get(id) ?? Promise.resolve()));
  }
}
