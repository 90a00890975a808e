/** Interrupts as AbortSignals: the first asks for an orderly end, the second for an immediate one, the third ends us. */

/** Why a command ended early. The exit code is the shell's convention for a program that SIGINT ended. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode = 130;
  readonly signal: string;

  constructor(signal: string) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

export interface Interrupts extends Disposable {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  readonly graceful: AbortSignal;
  /** Aborted by the second. */
  readonly forced: AbortSignal;
}

/** What `process` offers of it, so that a test can send signals without ending itself. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `giveUp` is called by the third interrupt: whatever still runs then does not listen. */
export function watchInterrupts(source: SignalSource, giveUp: () => void): Interrupts {
  const controllers = [new AbortController(), new AbortController()] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    const next = controllers.find((controller) => !controller.signal.aborted);
    if (next === undefined) giveUp();
    else next.abort(new Interrupted(signal));
  };
  for (const signal of signals) source.on(signal, onSignal);
  return {
    graceful: controllers[0].signal,
    forced: controllers[1].signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) source.off(signal, onSignal);
    },
  };
}
