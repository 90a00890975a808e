/** The flags of `run` → what the one-off has in place of its service's own. */
import { resolve } from 'node:path';
import {
  composeErrorsOf,
  loadProject,
  type OneOffOverrides,
  parseDotenv,
  type Project,
  shellWords,
} from '../compose/index.ts';
import { CliError } from './cli-error.ts';
import type { RunRequest } from './commands/run.ts';
import { createHost } from './host.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Paths on the command line are relative to it. */
  readonly workingDirectory: string;
}

export function overridesOf(request: RunRequest, around: Surroundings): OneOffOverrides {
  const { command, entrypoint, user, workdir, capAdd, capDrop, label, servicePorts } = request;
  const { ports, volumes } = mountsAndPorts(request, around);
  const environment = environmentOf(request, around);
  return {
    ...(command !== undefined && command.length > 0 && { command }),
    ...(entrypoint !== undefined && { entrypoint: wordsOf(entrypoint) }),
    ...(Object.keys(environment).length > 0 && { environment }),
    ...(label !== undefined && { labels: Object.fromEntries(label.map(pairOf)) }),
    ...(user !== undefined && { user }),
    ...(workdir !== undefined && { workingDir: workdir }),
    ...(volumes !== undefined && { volumes }),
    ...(ports !== undefined && { ports }),
    ...(capAdd !== undefined && { capAdd }),
    ...(capDrop !== undefined && { capDrop }),
    servicePorts: servicePorts === true,
  };
}

function wordsOf(text: string): readonly string[] {
  const found = shellWords(text);
  if (found !== null && found.cut === null) return found.words;
  throw new CliError(`--entrypoint: "${text}" cannot be split into words`);
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Variables of the command line win over those of files; a name alone passes on one's own, where there is one. */
function environmentOf(
  { env = [], envFromFile = [] }: RunRequest,
  around: Surroundings,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const file of envFromFile) {
    const read = createHost(around.env).readFile(resolve(around.workingDirectory, file));
    if (read.kind !== 'text') {
      const reason = read.kind === 'failed' ? read.reason : read.kind;
      throw new CliError(`--env-from-file: cannot read "${file}": ${reason}`);
    }
    const entries = parseDotenv(read.text, { lookup: (name) => around.env[name] });
    Object.assign(found, Object.fromEntries(entries));
  }
  for (const entry of env) {
    const own = around.env[entry];
    if (entry.includes('=')) Object.assign(found, Object.fromEntries([pairOf(entry)]));
    else if (own !== undefined) found[entry] = own;
  }
  return found;
}

type Loaded = Pick<NonNullable<Project['services'][string]>, 'ports' | 'volumes'>;

/** Read as if they stood in a compose file, so that a short form means the same in both places. */
function mountsAndPorts(
  { publish, volume }: RunRequest,
  { env, workingDirectory }: Surroundings,
): Loaded {
  if (publish === undefined && volume === undefined) return {};
  const service = {
    image: 'run',
    ...(publish && { ports: publish }),
    ...(volume && { volumes: volume }),
  };
  // The shell has done its substitution already.
  const text = JSON.stringify({ name: 'run', services: { run: service } }).replaceAll('$', '$$$$');
  const host = { ...createHost(env), readStdin: () => text };
  try {
    const { project } = loadProject(
      {
        ...{ workingDirectory, files: ['-'] },
        // A volume that is named here need not be declared.
        skip: { consistency: true, environmentResolution: true },
      },
      host,
    );
    const { ports, volumes } = project.services['run'] ?? {};
    return { ...(publish && ports && { ports }), ...(volume && volumes && { volumes }) };
  } catch (error) {
    const [first] = composeErrorsOf(error) ?? [];
    if (first === undefined) throw error;
    throw new CliError(first.message, { hint: first.hint });
  }
}
