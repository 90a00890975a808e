import type { ExecCreateRequest } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { findRunning } from '../running.ts';

interface ExecRequest {
  readonly service?: string;
  readonly command?: readonly string[];
  readonly detach?: boolean;
  readonly env?: readonly string[];
  readonly index?: number;
  readonly noTty?: boolean;
  /** As docker compose 2 spells it. */
  readonly noTTY?: boolean;
  readonly privileged?: boolean;
  readonly user?: string;
  readonly workdir?: string;
}

export const execCommand: Command = defineCommand<ExecRequest>({
  name: 'exec',
  summary: 'run a command in a running container of a service',
  arguments: [
    { name: '<service>', description: 'service' },
    { name: '<command...>', description: 'program and its arguments' },
  ],
  passesThrough: true,
  options: {
    service: null,
    command: null,
    detach: { flags: '-d, --detach', description: 'start it and return at once' },
    env: {
      flags: '-e, --env <variable>',
      description: 'NAME=value, or NAME to pass on your own',
      repeats: true,
    },
    index: {
      flags: '--index <number>',
      description: 'which replica (default: the first)',
      parse: parseIndex,
    },
    noTty: { flags: '-T, --no-tty', description: 'without a terminal' },
    noTTY: { flags: '--no-TTY', description: 'the same' },
    privileged: { flags: '--privileged', description: 'with all capabilities' },
    user: { flags: '-u, --user <user>', description: 'name or id, with ":group" or without' },
    workdir: { flags: '-w, --workdir <path>', description: 'directory it starts in' },
  },
  examples: ['tscompose exec web sh', 'tscompose exec -T db psql < dump.sql'],
  run: async (request, context) => {
    const project = await context.projectName();
    const engine = await context.engine();
    const container = await findRunning(context, {
      ...{ project, service: request.service ?? '' },
      ...(request.index !== undefined && { index: request.index }),
    });
    const { stdin, stdout, stderr } = process;
    const isPlain = request.noTty === true || request.noTTY === true || request.detach === true;
    const isTty = !isPlain && stdout.isTTY;
    const { Id: id } = await engine.execs.create(container, bodyOf(request, context, isTty), {
      signal: context.interrupts.graceful,
    });
    if (request.detach === true) {
      await engine.execs.startDetached(id);
      return 0;
    }
    const { runSession, windowSize } = await import('../ui/terminal.ts');
    const size = isTty ? { size: windowSize(stdout) } : {};
    const connection = await engine.execs.start(id, { isTty, ...size });
    await runSession(connection, {
      ...{ streams: { stdin, stdout, stderr }, sendsInput: true, isTty },
      resize: (changed) => engine.execs.resize(id, changed),
      signal: context.interrupts.graceful,
    });
    const { ExitCode } = await engine.execs.inspect(id);
    return ExitCode ?? 0;
  },
});

export function parseIndex(text: string): number {
  if (/^[1-9]\d{0,8}$/u.test(text)) return Number(text);
  throw new CliError(`"${text}" is no number of a replica`, { hint: 'they count from 1' });
}

function bodyOf(request: ExecRequest, { env }: Context, isTty: boolean): ExecCreateRequest {
  return {
    Cmd: request.command ?? [],
    Tty: isTty,
    AttachStdin: request.detach !== true,
    AttachStdout: true,
    AttachStderr: true,
    Privileged: request.privileged === true,
    ...(request.user !== undefined && { User: request.user }),
    ...(request.workdir !== undefined && { WorkingDir: request.workdir }),
    Env: (request.env ?? []).flatMap((entry) => {
      if (entry.includes('=')) return [entry];
      const own = env[entry];
      return own === undefined ? [] : [`${entry}=${own}`];
    }),
  };
}
