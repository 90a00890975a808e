import { defineCommand, type Command } from '../command.ts';
import { removeOrphansOption, servicesArgument, yesOption } from '../options.ts';
import { checkFlags, createOptions, type CreateRequest, reconcileOptions } from '../up-request.ts';

export const createCommand: Command = defineCommand<CreateRequest>({
  name: 'create',
  summary: 'create containers without starting them',
  arguments: [servicesArgument],
  options: {
    services: null,
    ...createOptions,
    removeOrphans: removeOrphansOption,
    yes: yesOption,
  },
  examples: ['tscompose create', 'tscompose create --scale web=3 web'],
  run: async (request, context) => {
    checkFlags(request);
    const { preparePlan } = await import('../prepare.ts');
    const { executeShowing } = await import('../show-plan.ts');
    const { planOptions } = await import('../plan-options.ts');
    const prepared = await preparePlan(context, {
      options: reconcileOptions({ ...request, noStart: true }),
      yes: request.yes === true,
      isDryRun: request.dryRun,
    });
    await executeShowing({
      ...prepared,
      ...{ ui: context.ui, signal: context.interrupts.graceful },
      ...planOptions(context, request),
    });
    return undefined;
  },
});
