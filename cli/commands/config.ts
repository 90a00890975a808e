import { writeFileSync } from 'node:fs';
import type { Project } from '../../compose/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import { servicesArgument } from '../options.ts';
import { compareText } from '../ui/format.ts';

interface ConfigRequest {
  readonly services?: readonly string[];
  readonly format?: 'yaml' | 'json';
  readonly output?: string;
  readonly quiet?: boolean;
  readonly listServices?: boolean;
  readonly listImages?: boolean;
  readonly listVolumes?: boolean;
  readonly listNetworks?: boolean;
  readonly listProfiles?: boolean;
  readonly noInterpolate?: boolean;
  readonly noNormalize?: boolean;
  readonly noPathResolution?: boolean;
  readonly noConsistency?: boolean;
  readonly noEnvResolution?: boolean;
}

export const configCommand: Command = defineCommand<ConfigRequest>({
  name: 'config',
  summary: 'check the compose file and show what it means',
  arguments: [servicesArgument],
  options: {
    services: null,
    format: { flags: '--format <format>', description: 'output format', choices: ['yaml', 'json'] },
    output: { flags: '-o, --output <path>', description: 'write to a file instead' },
    quiet: { flags: '-q, --quiet', description: 'only check; print nothing' },
    listServices: { flags: '--services', description: 'only the names of the services' },
    listImages: { flags: '--images', description: 'only the names of the images' },
    listVolumes: { flags: '--volumes', description: 'only the names of the volumes' },
    listNetworks: { flags: '--networks', description: 'only the names of the networks' },
    listProfiles: { flags: '--profiles', description: 'only the names of the profiles' },
    noInterpolate: {
      flags: '--no-interpolate',
      description: 'keep ${VARIABLES} as they are written',
    },
    noNormalize: { flags: '--no-normalize', description: 'without what the specification implies' },
    noPathResolution: { flags: '--no-path-resolution', description: 'keep relative paths' },
    noConsistency: {
      flags: '--no-consistency',
      description: 'do not check how attributes fit together',
    },
    noEnvResolution: { flags: '--no-env-resolution', description: 'do not read env files' },
  },
  examples: ['tscompose config -q && echo valid', 'tscompose config --services'],
  run: async (request, context) => {
    const project = subsetOf(await context.project(loadOptionsOf(request)), request.services ?? []);
    if (request.quiet === true) return undefined;
    const text = listing(project, request) ?? (await rendered(project, request));
    if (request.output === undefined) await context.ui.stdout.write(text);
    else writeFileSync(request.output, text);
    return undefined;
  },
});

function loadOptionsOf(request: ConfigRequest): {
  readonly skip: {
    readonly interpolation: boolean;
    readonly normalization: boolean;
    readonly pathResolution: boolean;
    readonly consistency: boolean;
    readonly environmentResolution: boolean;
    readonly engineRules: boolean;
  };
} {
  return {
    skip: {
      interpolation: request.noInterpolate === true,
      normalization: request.noNormalize === true,
      pathResolution: request.noPathResolution === true,
      consistency: request.noConsistency === true,
      environmentResolution: request.noEnvResolution === true,
      engineRules: true,
    },
  };
}

async function rendered(project: Project, { format }: ConfigRequest): Promise<string> {
  const { renderConfig } = await import('../../compose/index.ts');
  const text = renderConfig(project, format ?? 'yaml');
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** The named services with what they depend on, and of the rest only what these use. */
function subsetOf(project: Project, names: readonly string[]): Project {
  if (names.length === 0) return project;
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const service = project.services[name];
    if (service === undefined) {
      const known = Object.keys(project.services).sort(compareText).join(', ');
      throw new CliError(`no such service: "${name}"`, { hint: `the file has: ${known}` });
    }
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const dependency of Object.keys(service.depends_on ?? {})) {
      if (project.services[dependency] !== undefined) add(dependency);
    }
  };
  for (const name of names) add(name);
  const services = Object.fromEntries(
    Object.entries(project.services).filter(([name]) => wanted.has(name)),
  );
  return { ...project, services };
}

function listing(project: Project, request: ConfigRequest): string | undefined {
  const services = Object.values(project.services);
  if (request.listServices === true) return lines(Object.keys(project.services));
  if (request.listVolumes === true) return lines(Object.keys(project.volumes));
  if (request.listNetworks === true) return lines(Object.keys(project.networks));
  if (request.listImages === true) {
    return lines(
      Object.entries(project.services).map(
        ([name, { image }]) => image ?? `${project.name}-${name}`,
      ),
    );
  }
  if (request.listProfiles === true) {
    const all = [...services, ...Object.values(project.disabledServices)];
    return lines(all.flatMap(({ profiles }) => profiles ?? []));
  }
  return undefined;
}

/** Each once, in the order of their characters. */
function lines(names: readonly string[]): string {
  return [...new Set(names)]
    .sort(compareText)
    .map((name) => `${name}\n`)
    .join('');
}
