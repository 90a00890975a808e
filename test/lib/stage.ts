/** Where a scenario plays: a project of test/e2e/testdata, copied beside an engine, and eyes inside its containers. */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerInspect } from '../../engine/api/index.ts';
import { command, type CommandResult, type TestEngine } from './engine.ts';
import { Running } from './running.ts';

const testdata = new URL('../e2e/testdata/', import.meta.url).pathname;

export interface Scenario {
  /** What must be true. */
  readonly name: string;
  /** Directory below test/e2e/testdata, and name of the project. */
  readonly project: string;
  readonly play: (stage: Stage) => Promise<void>;
}

export class Stage {
  readonly engine: TestEngine;
  readonly directory: string;
  readonly project: string;

  private constructor(engine: TestEngine, project: string) {
    this.engine = engine;
    this.project = project;
    this.directory = join(engine.root, project);
  }

  static async open(engine: TestEngine, project: string): Promise<Stage> {
    const stage = new Stage(engine, project);
    await cp(join(testdata, project), stage.directory, { recursive: true });
    return stage;
  }

  /** A command that has to succeed; what it wrote on standard output. */
  async compose(...args: readonly string[]): Promise<string> {
    return await this.engine.mustCli(args, { cwd: this.directory });
  }

  /** A command that may fail. */
  async attempt(...args: readonly string[]): Promise<CommandResult> {
    return await this.engine.cli(args, { cwd: this.directory });
  }

  start(...args: readonly string[]): Running {
    return new Running(this.engine, args, this.directory);
  }

  containerName(service: string, number = 1): string {
    return `${this.project}-${service}-${number}`;
  }

  async inspect(service: string, number = 1): Promise<ContainerInspect> {
    return await this.engine.client.containers.inspect(this.containerName(service, number));
  }

  /** Runs a shell script among the container's own files, processes and networks, as root. */
  async inside(service: string, script: string, number = 1): Promise<string> {
    const { State } = await this.inspect(service, number);
    const args = ['-t', String(State.Pid), '-m', '-u', '-i', '-n', '-p', '-r', '-w'];
    const { code, stdout, stderr } = await command('nsenter', [...args, 'sh', '-c', script]);
    if (code !== 0) throw new Error(`${script} exited ${code} in ${service}: ${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  /** A file of the container's first process below /proc, such as `environ`. */
  async proc(service: string, file: string): Promise<string> {
    const { State } = await this.inspect(service);
    return await readFile(`/proc/${State.Pid}/${file}`, 'utf8');
  }

  /** `NoNewPrivs` and its like, of proc_pid_status(5). */
  async status(service: string, key: string): Promise<string> {
    const text = await this.proc(service, 'status');
    return new RegExp(`^${key}:\\s*(.*?)\\s*$`, 'm').exec(text)?.[1] ?? '';
  }

  /** What a service wrote, without prefixes. */
  async output(service: string): Promise<string> {
    return await this.compose('logs', '--no-log-prefix', service);
  }

  /** `name state` of every container of the project, sorted. */
  async states(): Promise<readonly string[]> {
    const text = await this.compose('ps', '-a', '--format', 'json');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { Name: string; State: string; ExitCode: number })
      .map(({ Name, State, ExitCode }) =>
        State === 'exited' ? `${Name} exited ${ExitCode}` : `${Name} ${State}`,
      );
  }

  async text(file = 'compose.yaml'): Promise<string> {
    return await readFile(join(this.directory, file), 'utf8');
  }
}
