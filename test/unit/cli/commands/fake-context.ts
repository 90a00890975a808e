import type { Context } from '../../../../cli/context.ts';
import { plainStyle } from '../../../../cli/ui/style.ts';
import { fakeOutput } from '../ui/fake-output.ts';

export interface FakeContext extends Context {
  readonly stdout: () => string;
  readonly warnings: readonly string[];
}

/** A context whose engine answers what the test sets up; anything else throws by its name. */
export function fakeContext(set: {
  readonly engine?: object;
  readonly projectName?: string;
  readonly project?: object;
  readonly env?: Context['env'];
}): FakeContext {
  const stdout = fakeOutput();
  const stderr = fakeOutput();
  const warnings: string[] = [];
  const unset = (name: string) => (): never => {
    throw new Error(`the test did not set up ${name}`);
  };
  return {
    global: {},
    env: set.env ?? {},
    ui: {
      stdout,
      stderr,
      stdoutStyle: plainStyle,
      stderrStyle: plainStyle,
      progressStyle: 'plain',
      notice: unset('notice'),
      warn: (message) => {
        warnings.push(message);
      },
      progress: unset('progress'),
    },
    interrupts: { graceful: new AbortController().signal, forced: new AbortController().signal },
    address: unset('address'),
    engine: () => Promise.resolve((set.engine ?? unset('engine')()) as never),
    revive: unset('revive'),
    project: () => Promise.resolve((set.project ?? unset('project')()) as never),
    model: unset('model'),
    consent: unset('consent'),
    projectName: () => Promise.resolve(set.projectName ?? unset('projectName')()),
    stdout: stdout.text,
    warnings,
  };
}
