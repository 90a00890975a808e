/**
 * Ports that are published pass the rules of ufw and firewalld by, as those judge what is for the host itself, and what is
 * published is on its way to somebody else by then. Docker does the same, and people are surprised: so it is said, once.
 */
import type { NetworkOptions } from '../context.ts';
import type { PortBinding } from '../model.ts';

const anyAddresses: readonly string[] = ['0.0.0.0', '::'];

export class BypassWarning {
  readonly #warn: NetworkOptions['warn'];
  #guard: string | null = null;
  #exposed: number | null = null;
  #isTold = false;

  constructor(warn: NetworkOptions['warn']) {
    this.#warn = warn;
  }

  /** What is active on this host now. */
  guardIs(guard: string | null): void {
    this.#guard = guard;
    this.#tell();
  }

  published(ports: readonly Pick<PortBinding, 'hostIp' | 'published'>[]): void {
    this.#exposed ??= ports.find(({ hostIp }) => anyAddresses.includes(hostIp))?.published ?? null;
    this.#tell();
  }

  #tell(): void {
    if (this.#isTold || this.#guard === null || this.#exposed === null) return;
    this.#isTold = true;
    this.#warn(
      `${this.#guard} is active on this host and does not guard published ports: port ${this.#exposed} can be reached from everywhere; publish on 127.0.0.1 what is for this host alone`,
      { firewall: this.#guard, port: this.#exposed },
    );
  }
}
