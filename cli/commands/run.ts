import { defineCommand, type Command } from '../command.ts';
import { CliError } from '../cli-error.ts';
import { removeOrphansOption } from '../options.ts';
import { createOptions } from '../up-request.ts';

export interface RunRequest {
  readonly service?: string;
  readonly command?: readonly string[];
  readonly build?: boolean;
  readonly pull?: string;
  readonly quietPull?: boolean;
  readonly quietBuild?: boolean;
  readonly quiet?: boolean;
  readonly detach?: boolean;
  readonly rm?: boolean;
  readonly env?: readonly string[];
  readonly envFromFile?: readonly string[];
  readonly entrypoint?: string;
  readonly interactive?: boolean;
  readonly noInteractive?: boolean;
  readonly label?: readonly string[];
  readonly name?: string;
  readonly noTty?: boolean;
  /** As docker compose 2 spells it. */
  readonly noTTY?: boolean;
  readonly noDeps?: boolean;
  readonly publish?: readonly string[];
  readonly servicePorts?: boolean;
  readonly useAliases?: boolean;
  readonly user?: string;
  readonly volume?: readonly string[];
  readonly workdir?: string;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly removeOrphans?: boolean;
  readonly dryRun?: boolean;
}

export const runCommand: Command = defineCommand<RunRequest>({
  name: 'run',
  summary: 'run a command in a new container of a service',
  arguments: [
    { name: '<service>', description: 'service' },
    {
      name: '[command...]',
      description: "program and its arguments, instead of the service's own",
    },
  ],
  passesThrough: true,
  options: {
    service: null,
    command: null,
    build: createOptions.build,
    pull: createOptions.pull,
    quietPull: createOptions.quietPull,
    quietBuild: { flags: '--quiet-build', description: 'build without showing progress' },
    quiet: { flags: '-q, --quiet', description: 'show no progress' },
    detach: { flags: '-d, --detach', description: 'start it, print its id and return' },
    rm: { flags: '--rm', description: 'remove the container when it has ended' },
    env: {
      flags: '-e, --env <variable>',
      description: 'NAME=value, or NAME to pass on your own',
      repeats: true,
    },
    envFromFile: {
      flags: '--env-from-file <path>',
      description: 'variables from a file',
      repeats: true,
    },
    entrypoint: { flags: '--entrypoint <words>', description: "instead of the service's" },
    interactive: {
      flags: '-i, --interactive',
      description: 'pass on what is typed or piped in, as is done anyway',
    },
    noInteractive: {
      flags: '--no-interactive',
      description: 'leave standard input alone',
    },
    label: { flags: '-l, --label <label>', description: 'NAME=value', repeats: true },
    name: { flags: '--name <name>', description: 'name of the container' },
    noTty: { flags: '-T, --no-tty', description: 'without a terminal' },
    noTTY: { flags: '--no-TTY', description: 'the same' },
    noDeps: { flags: '--no-deps', description: 'leave what the service depends on' },
    publish: {
      flags: '-p, --publish <port>',
      description: '[IP:][HOST:]CONTAINER[/PROTOCOL]',
      repeats: true,
    },
    servicePorts: {
      flags: '-P, --service-ports',
      description: 'publish the ports of the service, which is else not done',
    },
    useAliases: {
      flags: '--use-aliases',
      description: 'answer to the names of the service on its networks',
    },
    user: { flags: '-u, --user <user>', description: 'name or id, with ":group" or without' },
    volume: {
      flags: '-v, --volume <volume>',
      description: '[SOURCE:]TARGET[:OPTIONS]',
      repeats: true,
    },
    workdir: { flags: '-w, --workdir <path>', description: 'directory it starts in' },
    capAdd: { flags: '--cap-add <capability>', description: 'one more', repeats: true },
    capDrop: { flags: '--cap-drop <capability>', description: 'one less', repeats: true },
    removeOrphans: removeOrphansOption,
    dryRun: createOptions.dryRun,
  },
  examples: ['tscompose run --rm web sh', 'tscompose run -T db psql < dump.sql'],
  run: async (request, context) => {
    if (request.servicePorts === true && (request.publish ?? []).length > 0) {
      throw new CliError('--service-ports and --publish are incompatible');
    }
    const { runService } = await import('../run-service.ts');
    return runService(request, context);
  },
});
