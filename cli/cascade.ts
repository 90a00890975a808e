/** What the end of one container means for the others, and for the exit code of an attached `up`. */
import type { ContainerExit } from './exit-monitor.ts';
import type { UpRequest } from './up-request.ts';

export class Cascade {
  readonly #request: UpRequest;
  #trigger: () => void = () => undefined;
  #first: number | null = null;
  #chosen: number | null = null;
  /** Resolves when one end is to end all; never where nothing asks for that. */
  readonly triggered: Promise<void>;

  constructor(request: UpRequest) {
    this.#request = request;
    this.triggered = new Promise((resolve) => {
      this.#trigger = resolve;
    });
  }

  get isTriggered(): boolean {
    return this.#first !== null;
  }

  /** Of the service that was asked for, else of the container that ended all; 0 where all have ended by themselves. */
  get exitCode(): number {
    return this.#chosen ?? this.#first ?? 0;
  }

  see({ service, exitCode }: ContainerExit): void {
    const { exitCodeFrom, abortOnContainerExit, abortOnContainerFailure } = this.#request;
    if (service === exitCodeFrom) this.#chosen ??= exitCode;
    const endsAll = abortOnContainerExit === true || exitCodeFrom !== undefined;
    if (this.#first !== null || !(endsAll || abortOnContainerFailure === true)) return;
    // Without --abort-on-container-exit, who ends well may go.
    if (!endsAll && exitCode === 0) return;
    this.#first = exitCode;
    this.#trigger();
  }
}
