import type { ReconcileOptions } from '../../compose/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { removeOrphansOption, servicesArgument, timeoutOption, yesOption } from '../options.ts';
import { CliError } from '../cli-error.ts';

export interface UpRequest {
  readonly services?: readonly string[];
  readonly detach?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly noStart?: boolean;
  readonly noDeps?: boolean;
  readonly renewAnonymousVolumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly scale?: readonly (readonly [string, number])[];
  readonly timeout?: number;
  readonly timestamps?: boolean;
  readonly noColor?: boolean;
  readonly noLogPrefix?: boolean;
  readonly yes?: boolean;
}

export const upCommand: Command = defineCommand<UpRequest>({
  name: 'up',
  summary: 'create and start containers, and show their logs',
  arguments: [servicesArgument],
  options: {
    services: null,
    detach: { flags: '-d, --detach', description: 'leave the containers running and return' },
    forceRecreate: {
      flags: '--force-recreate',
      description: 'recreate containers even when nothing has changed',
      conflicts: ['noRecreate'],
    },
    noRecreate: {
      flags: '--no-recreate',
      description: 'keep containers even when their configuration has changed',
      conflicts: ['renewAnonymousVolumes'],
    },
    noStart: { flags: '--no-start', description: 'create the containers without starting them' },
    noDeps: { flags: '--no-deps', description: 'leave the services that the named ones depend on' },
    renewAnonymousVolumes: {
      flags: '-V, --renew-anon-volumes',
      description: 'recreated containers get empty anonymous volumes',
    },
    removeOrphans: removeOrphansOption,
    scale: {
      flags: '--scale <service=count>',
      description: 'how many containers of a service; repeat for several',
      repeats: true,
      parse: parseScale,
    },
    timeout: timeoutOption,
    timestamps: { flags: '--timestamps', description: 'put the time before each log line' },
    noColor: { flags: '--no-color', description: 'log prefixes without colour' },
    noLogPrefix: {
      flags: '--no-log-prefix',
      description: 'log lines without the name of their container',
    },
    yes: yesOption,
  },
  examples: ['tscompose up', 'tscompose up -d web', 'tscompose -f other.yaml up'],
  run: async (request, context) => {
    const project = await context.project({ services: request.services ?? [] });
    await context.consent(project, request);
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    const compose = await import('../../compose/index.ts');
    const observed = await compose.observe(engine, project.name, {
      signal: context.interrupts.graceful,
    });
    const plan = compose.reconcile(project, observed, {
      ...pick(request),
      ignoreOrphans: context.env['COMPOSE_IGNORE_ORPHANS'] === 'true',
    });
    for (const warning of plan.warnings) context.ui.warn(warning);
    if (request.detach === true || request.noStart === true) {
      const { executeShowing } = await import('../show-plan.ts');
      await executeShowing({ plan, engine, observed, project, ui: context.ui, signal });
      return undefined;
    }
    const { runAttached } = await import('../attached-up.ts');
    return runAttached({ request, context, engine, project, observed, plan });
  },
});

function pick(request: UpRequest): ReconcileOptions {
  const { services, scale, timeout } = request;
  const { forceRecreate, noRecreate, removeOrphans, noStart, noDeps } = request;
  return {
    ...(services !== undefined && services.length > 0 && { services }),
    ...(scale !== undefined && { scale: Object.fromEntries(scale) }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    forceRecreate: forceRecreate === true,
    noRecreate: noRecreate === true,
    removeOrphans: removeOrphans === true,
    noStart: noStart === true,
    noDeps: noDeps === true,
    renewAnonymousVolumes: request.renewAnonymousVolumes === true,
  };
}

function parseScale(text: string): readonly [string, number] {
  const match = /^([a-zA-Z0-9._-]+)=(\d+)$/u.exec(text);
  if (match?.[1] === undefined) {
    throw new CliError(`"${text}" is no scale`, {
      hint: 'write it as SERVICE=COUNT, like `web=3`',
    });
  }
  return [match[1], Number(match[2])];
}
