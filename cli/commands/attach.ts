import { defineCommand, type Command } from '../command.ts';
import { findRunning } from '../running.ts';
import { Interrupted } from '../signals.ts';
import { parseIndex } from './exec.ts';

interface AttachRequest {
  readonly service?: string;
  readonly detachKeys?: string;
  readonly index?: number;
  readonly noStdin?: boolean;
  readonly sigProxy?: boolean;
}

export const attachCommand: Command = defineCommand<AttachRequest>({
  name: 'attach',
  summary: "connect to the input and output of a service's running container",
  arguments: [{ name: '<service>', description: 'service' }],
  options: {
    service: null,
    detachKeys: {
      flags: '--detach-keys <keys>',
      description: 'keys that leave it running (default: ctrl-p,ctrl-q)',
    },
    index: {
      flags: '--index <number>',
      description: 'which replica (default: the first)',
      parse: parseIndex,
    },
    noStdin: { flags: '--no-stdin', description: 'only look' },
    sigProxy: {
      flags: '--sig-proxy [boolean]',
      description: 'pass interrupts on to the container (default: true)',
      parse: (text) => text !== 'false',
    },
  },
  examples: ['tscompose attach web'],
  run: async (request, context) => {
    const project = await context.projectName();
    const engine = await context.engine();
    const container = await findRunning(context, {
      ...{ project, service: request.service ?? '' },
      ...(request.index !== undefined && { index: request.index }),
    });
    const { Config } = await engine.containers.inspect(container);
    const isTty = Config.Tty === true;
    const sendsInput = request.noStdin !== true && Config.OpenStdin === true;
    const { exited } = await engine.containers.watchExit(container, { condition: 'next-exit' });
    const connection = await engine.containers.attach(container, {
      stdin: sendsInput,
      ...(request.detachKeys !== undefined && { detachKeys: request.detachKeys }),
    });
    const { runSession } = await import('../ui/terminal.ts');
    const leave = new AbortController();
    const { graceful } = context.interrupts;
    const onInterrupt = (): void => {
      const { reason } = graceful as { readonly reason: unknown };
      const killSignal = reason instanceof Interrupted ? reason.signal : 'SIGINT';
      if (request.sigProxy === false) leave.abort(graceful.reason);
      else engine.containers.kill(container, { killSignal }).catch(() => undefined);
    };
    graceful.addEventListener('abort', onInterrupt, { once: true });
    const { stdin, stdout, stderr } = process;
    await runSession(connection, {
      ...{ streams: { stdin, stdout, stderr }, sendsInput, isTty },
      resize: (size) => engine.containers.resize(container, size),
      signal: leave.signal,
    });
    const { State } = await engine.containers.inspect(container);
    // Detached: it goes on, and that is what was asked for.
    if (State.Running) return 0;
    return (await exited).StatusCode;
  },
});
