import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';

interface WaitRequest {
  readonly services?: readonly string[];
  readonly downProject?: boolean;
}

export const waitCommand: Command = defineCommand<WaitRequest>({
  name: 'wait',
  summary: 'wait until services have stopped; the exit code is the last one’s',
  arguments: [{ name: '<services...>', description: 'which services' }],
  options: {
    services: null,
    downProject: {
      flags: '--down-project',
      description: 'then stop and remove the whole project',
    },
  },
  examples: ['tscompose wait job', 'tscompose wait --down-project tests'],
  run: async ({ services = [], downProject }, context) => {
    const { listContainers } = await import('../listed.ts');
    const existing = await listContainers(context, { all: true });
    const containers = existing.length === 0 ? [] : await listContainers(context, { services });
    if (containers.length === 0) {
      const project = await context.projectName();
      throw new CliError(`no containers for project "${project}"`, {
        hint: `of ${services.join(', ')}, nothing runs`,
      });
    }
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    let code = 0;
    await Promise.all(
      containers.map(async ({ Id }) => {
        const { StatusCode } = await engine.containers.wait(Id, { signal });
        code = StatusCode;
        await context.ui.stdout.write(`container "${Id}" exited with status code ${StatusCode}\n`);
      }),
    );
    if (downProject === true) {
      const { takeDown } = await import('../take-down.ts');
      await takeDown(context, { removeOrphans: true });
    }
    return code;
  },
});
