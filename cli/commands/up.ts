import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import {
  parseSeconds,
  removeOrphansOption,
  servicesArgument,
  timeoutOption,
  yesOption,
} from '../options.ts';
import type { Prepared } from '../prepare.ts';
import { checkFlags, createOptions, reconcileOptions, type UpRequest } from '../up-request.ts';

export const upCommand: Command = defineCommand<UpRequest>({
  name: 'up',
  summary: 'create and start containers, and show their logs',
  arguments: [servicesArgument],
  options: {
    services: null,
    detach: { flags: '-d, --detach', description: 'leave the containers running and return' },
    wait: {
      flags: '--wait',
      description: 'return when all run, or are healthy where they have a healthcheck',
    },
    waitTimeout: {
      flags: '--wait-timeout <seconds>',
      description: 'give up waiting then',
      parse: parseSeconds,
    },
    ...createOptions,
    alwaysRecreateDeps: {
      flags: '--always-recreate-deps',
      description: 'recreate what the named services depend on as well',
    },
    renewAnonymousVolumes: {
      flags: '-V, --renew-anon-volumes',
      description: 'recreated containers get empty anonymous volumes',
    },
    noStart: { flags: '--no-start', description: 'create the containers without starting them' },
    noDeps: { flags: '--no-deps', description: 'leave the services that the named ones depend on' },
    removeOrphans: removeOrphansOption,
    timeout: timeoutOption,
    abortOnContainerExit: {
      flags: '--abort-on-container-exit',
      description: 'stop all as soon as one container ends',
    },
    abortOnContainerFailure: {
      flags: '--abort-on-container-failure',
      description: 'stop all as soon as one container ends with another code than 0',
    },
    exitCodeFrom: {
      flags: '--exit-code-from <service>',
      description: 'leave with the exit code of this service; stops all as soon as one ends',
    },
    attach: { flags: '--attach <service>', description: 'show the logs of these', repeats: true },
    noAttach: {
      flags: '--no-attach <service>',
      description: 'do not show the logs of these',
      repeats: true,
    },
    attachDependencies: {
      flags: '--attach-dependencies',
      description: 'show the logs of what the named services depend on as well',
    },
    timestamps: { flags: '--timestamps', description: 'put the time before each log line' },
    noColor: { flags: '--no-color', description: 'log prefixes without colour' },
    noLogPrefix: {
      flags: '--no-log-prefix',
      description: 'log lines without the name of their container',
    },
    quietBuild: { flags: '--quiet-build', description: 'build without showing progress' },
    yes: yesOption,
  },
  examples: ['tscompose up', 'tscompose up -d web', 'tscompose -f other.yaml up'],
  run: async (request, context) => {
    checkFlags(request);
    const { preparePlan } = await import('../prepare.ts');
    const prepared = await preparePlan(context, {
      options: reconcileOptions(request),
      yes: request.yes === true,
      isDryRun: request.dryRun,
    });
    const { attachedServices } = await import('../attachment.ts');
    const attached = attachedServices(prepared.project, request);
    const isDetached = request.detach === true || request.noStart === true || request.wait === true;
    if (!isDetached && request.dryRun !== true && context.global.dryRun !== true) {
      const { runAttached } = await import('../attached-up.ts');
      return runAttached({ request, context, attached, ...prepared });
    }
    await runDetached(request, context, prepared);
    return undefined;
  },
});

async function runDetached(
  request: UpRequest,
  context: Context,
  { project, engine, observed, plan }: Prepared,
): Promise<void> {
  const { executeShowing } = await import('../show-plan.ts');
  const { planOptions } = await import('../plan-options.ts');
  const { ui, interrupts } = context;
  const executed = await executeShowing({
    ...{ plan, engine, observed, project, ui, signal: interrupts.graceful },
    ...planOptions(context, request),
  });
  if (request.wait !== true || request.noStart === true || executed === null) return;
  if (request.waitTimeout !== undefined && request.waitTimeout < 0) {
    throw new CliError('--wait-timeout: it cannot be negative');
  }
  const { completingServices, waitUntilReady } = await import('../wait-ready.ts');
  // A display that is redrawn has ended with the plan.
  const view = ui.progressStyle === 'tty' ? null : await ui.progress();
  await waitUntilReady(context, {
    engine,
    onProgress: (event) => view?.event(event),
    containers: executed.containers,
    completing: completingServices(project, executed.containers),
    timeoutSeconds: request.waitTimeout,
  });
}
