import type { Project } from '../../compose/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { servicesArgument } from '../options.ts';
import type { LoadOptions } from '../project.ts';
import { compareText } from '../ui/format.ts';

interface ConfigRequest {
  readonly services?: readonly string[];
  readonly format?: 'yaml' | 'json' | 'table';
  readonly output?: string;
  readonly quiet?: boolean;
  readonly listServices?: boolean;
  readonly listVolumes?: boolean;
  readonly listNetworks?: boolean;
  readonly listModels?: boolean;
  readonly listProfiles?: boolean;
  readonly listImages?: boolean;
  readonly hash?: string;
  readonly variables?: boolean;
  readonly environment?: boolean;
  readonly noInterpolate?: boolean;
  readonly noNormalize?: boolean;
  readonly noPathResolution?: boolean;
  readonly noConsistency?: boolean;
  readonly noEnvResolution?: boolean;
  readonly resolveImageDigests?: boolean;
  readonly lockImageDigests?: boolean;
}

export const configCommand: Command = defineCommand<ConfigRequest>({
  name: 'config',
  aliases: ['convert'],
  summary: 'check the compose file and show what it means',
  arguments: [servicesArgument],
  options: {
    services: null,
    format: {
      flags: '--format <format>',
      description: 'output format (default: yaml; table is for --variables)',
      choices: ['yaml', 'json', 'table'],
    },
    output: { flags: '-o, --output <path>', description: 'write to a file instead' },
    quiet: { flags: '-q, --quiet', description: 'only check; print nothing' },
    listServices: { flags: '--services', description: 'only the names of the services' },
    listVolumes: { flags: '--volumes', description: 'only the names of the volumes' },
    listNetworks: { flags: '--networks', description: 'only the names of the networks' },
    listModels: { flags: '--models', description: 'only the models that are used' },
    listProfiles: { flags: '--profiles', description: 'only the names of the profiles' },
    listImages: { flags: '--images', description: 'only the image of each service' },
    hash: {
      flags: '--hash <services>',
      description: 'only the hash of each of these services; "*" is all of them',
    },
    variables: {
      flags: '--variables',
      description: 'only the variables that the file uses, and their defaults',
    },
    environment: {
      flags: '--environment',
      description: 'only the variables that the file can use, and their values',
    },
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
    resolveImageDigests: {
      flags: '--resolve-image-digests',
      description: 'ask registries which image each tag is now, and pin it',
    },
    lockImageDigests: {
      flags: '--lock-image-digests',
      description: 'only the pinned images, as a file to merge over this one',
    },
  },
  examples: [
    'tscompose config -q && echo valid',
    'tscompose config --services',
    'tscompose config --lock-image-digests -o compose.lock.yaml',
  ],
  run: async (request, context) => {
    const text = await outputOf(request, context);
    if (request.quiet === true) return undefined;
    if (request.output === undefined) await context.ui.stdout.write(text);
    else if (text !== '') {
      const { writeFileWhole } = await import('../write-file.ts');
      writeFileWhole(request.output, text);
    }
    return undefined;
  },
});

/** The first thing that was asked for; without any, the whole. */
async function outputOf(request: ConfigRequest, context: Context): Promise<string> {
  const list = await listed(request, context);
  if (list !== undefined) return list;
  if (request.hash !== undefined) return hashes(request.hash, await loaded(request, context));
  if (request.variables === true) return variables(request, context);
  if (request.environment === true) {
    const { environment } = await loaded(request, context);
    return Object.keys(environment)
      .sort(compareText)
      .map((name) => `${name}=${environment[name] ?? ''}\n`)
      .join('');
  }
  return whole(request, context);
}

async function listed(request: ConfigRequest, context: Context): Promise<string | undefined> {
  const asked = [
    ['services', request.listServices],
    ['volumes', request.listVolumes],
    ['networks', request.listNetworks],
    ['models', request.listModels],
    ['profiles', request.listProfiles],
    ['images', request.listImages],
  ] as const;
  const name = asked.find(([, isAsked]) => isAsked === true)?.[0];
  if (name === undefined) return undefined;
  const { listOf } = await import('../config-lists.ts');
  if (request.noInterpolate === true) return listOf(name, await context.model(skipsOf(request)));
  // A list of all services or profiles is one of all, whichever are named.
  const isOfAll = name === 'services' || name === 'profiles';
  return listOf(name, await loaded(isOfAll ? { ...request, services: [] } : request, context));
}

function skipsOf(request: ConfigRequest): NonNullable<LoadOptions['skip']> {
  return {
    normalization: request.noNormalize === true,
    pathResolution: request.noPathResolution === true,
    consistency: request.noConsistency === true,
    environmentResolution: request.noEnvResolution === true,
    engineRules: true,
  };
}

/** The project, or the named services of it with what they need. */
async function loaded(request: ConfigRequest, context: Context): Promise<Project> {
  const names = request.services ?? [];
  const project = await context.project({
    skip: skipsOf(request),
    ...(names.length > 0 && { services: names }),
  });
  if (names.length === 0) return project;
  const { subsetOf } = await import('../../compose/index.ts');
  return subsetOf(project, names, { allResources: context.global.allResources === true });
}

async function hashes(wanted: string, project: Project): Promise<string> {
  const { selectServices, serviceHash } = await import('../../compose/index.ts');
  const names =
    wanted === '*'
      ? Object.keys(project.services)
      : selectServices(project, wanted.split(','), { withDependencies: false });
  return names
    .sort(compareText)
    .flatMap((name) => {
      const service = project.services[name];
      return service === undefined ? [] : [`${name} ${serviceHash(service, project)}\n`];
    })
    .join('');
}

async function variables(request: ConfigRequest, context: Context): Promise<string> {
  const { renderVariables, variablesOf } = await import('../../compose/index.ts');
  const skip = { ...skipsOf(request), validation: true };
  const found = variablesOf(await context.model(skip));
  if (request.format === 'yaml' || request.format === 'json') {
    return renderVariables(found, request.format);
  }
  const { variableTable } = await import('../config-lists.ts');
  return variableTable(found);
}

async function whole(request: ConfigRequest, context: Context): Promise<string> {
  if (request.format === 'table') {
    throw new CliError('--format table is for --variables', { hint: 'use yaml or json' });
  }
  const format = request.format ?? 'yaml';
  const isLocked = request.lockImageDigests === true;
  const isPinned = isLocked || request.resolveImageDigests === true;
  const { renderConfig, renderModel } = await import('../../compose/index.ts');
  if (request.noInterpolate === true) {
    const model = await context.model(skipsOf(request));
    if (!isPinned) return renderModel(model, format);
    const { pinnedModel } = await import('../pinned-images.ts');
    return renderModel(await pinnedModel(model, { context, isLocked }), format);
  }
  const project = await loaded(request, context);
  if (!isPinned) return renderConfig(project, format);
  const { pinnedProject } = await import('../pinned-images.ts');
  return renderConfig(await pinnedProject(project, { context, isLocked }), format);
}
