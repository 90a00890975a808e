/** A command that goes on while the test looks at it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cliPath, type TestEngine } from './engine.ts';
import { eventually } from './eventually.ts';

export class Running {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(engine: TestEngine, args: readonly string[], cwd = join(engine.root, 'project')) {
    this.#child = spawn(process.execPath, [cliPath, ...args], { cwd, env: engine.env });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
  }

  async shows(text: string): Promise<void> {
    await eventually(
      () => {
        expect(this.stdout + this.stderr).toContain(text);
      },
      { timeoutMs: 30_000 },
    );
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }
}
