import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { readScale } from '../up-request.ts';

interface ScaleRequest {
  readonly replicas?: readonly string[];
  readonly noDeps?: boolean;
}

export const scaleCommand: Command = defineCommand<ScaleRequest>({
  name: 'scale',
  summary: 'change how many containers services have',
  arguments: [{ name: '<replicas...>', description: 'service=count' }],
  options: {
    replicas: null,
    noDeps: { flags: '--no-deps', description: 'leave what the services depend on' },
  },
  examples: ['tscompose scale web=3 worker=5'],
  run: async ({ replicas = [], noDeps }, context) => {
    const scale = replicas.map((text) => {
      const found = readScale(text);
      if (found !== null) return found;
      throw new CliError(`invalid scale specifier: ${text}`, { hint: 'write it like `web=3`' });
    });
    const { preparePlan } = await import('../prepare.ts');
    const { executeShowing } = await import('../show-plan.ts');
    const { planOptions } = await import('../plan-options.ts');
    const prepared = await preparePlan(context, {
      options: {
        services: scale.map(([service]) => service),
        scale: Object.fromEntries(scale),
        noDeps: noDeps === true,
      },
    });
    await executeShowing({
      ...prepared,
      ...{ ui: context.ui, signal: context.interrupts.graceful },
      ...planOptions(context),
    });
    return undefined;
  },
});
