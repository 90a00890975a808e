import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { parseSeconds, servicesArgument } from '../options.ts';
import type { Opened } from '../scope.ts';

interface StartRequest {
  readonly services?: readonly string[];
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

export const startCommand: Command = defineCommand<StartRequest>({
  name: 'start',
  summary: 'start containers that exist, and what they depend on',
  arguments: [servicesArgument],
  options: {
    services: null,
    wait: { flags: '--wait', description: 'return when they run, or are healthy' },
    waitTimeout: {
      flags: '--wait-timeout <seconds>',
      description: 'give up waiting then',
      parse: parseSeconds,
    },
  },
  examples: ['tscompose start', 'tscompose start --wait web'],
  run: async ({ services = [], wait, waitTimeout }, context) => {
    const { openScope } = await import('../scope.ts');
    const { planStart, replicasOf } = await import('../../compose/index.ts');
    const opened = await openScope(context, services);
    requireContainers(opened, services);
    await opened.execute(planStart(opened.observed, opened.selection));
    if (wait === true) {
      const { waitUntilReady } = await import('../wait-ready.ts');
      const { engine, observed, selection } = opened;
      const containers = replicasOf(observed, selection);
      await waitUntilReady(context, { engine, containers, timeoutSeconds: waitTimeout });
    }
    return undefined;
  },
});

/** There is nothing to start where `up` or `create` has not been. */
function requireContainers({ observed, scope }: Opened, services: readonly string[]): void {
  const { name, project } = scope;
  const replicas = observed.containers.filter(({ isOneOff }) => !isOneOff);
  const has = (service: string): boolean =>
    replicas.some((container) => container.service === service);
  const hint = '`tscompose up` makes them';
  const named = services.find((service) => !has(service));
  const missing =
    named ?? (replicas.length === 0 ? Object.keys(project?.services ?? {})[0] : undefined);
  if (missing !== undefined) {
    throw new CliError(`service "${missing}" has no container to start`, { hint });
  }
  if (replicas.length === 0) {
    throw new CliError(`no container found for project "${name}"`, { hint });
  }
}
