/** Services that a program provides instead of a container, by docker compose's protocol of lines of JSON. */
import {
  type ComposeError,
  dependencyOrder,
  errorAt,
  type Project,
  type Service,
} from '../../compose/index.ts';
import type { Context } from '../context.ts';
import { findProgram } from './plugins.ts';
import { outputOf, runProgram, type ProgramCall } from './program.ts';

export type ProviderAction = 'up' | 'down' | 'stop';

/** Names of the services that a program provides, each after those of them that it needs. */
export function providedServices(project: Project, services: readonly string[]): string[] {
  const provided = services.filter((name) => project.services[name]?.provider !== undefined);
  const needs = (name: string): string[] => Object.keys(project.services[name]?.depends_on ?? {});
  return dependencyOrder(new Map(provided.map((name) => [name, needs(name)])));
}

/** The project with what the programs have told for those who depend on their services. */
export async function bringUpProviders(
  context: Context,
  project: Project,
  services: readonly string[],
): Promise<Project> {
  let current = project;
  for (const name of providedServices(project, services)) {
    const variables = await runProvider({ context, project: current, name, action: 'up' });
    current = withVariables(current, name, variables);
  }
  return current;
}

/** Those that others of them need come last. */
export async function endProviders(
  context: Context,
  {
    project,
    services,
    action,
  }: {
    readonly project: Project;
    readonly services: readonly string[];
    readonly action: 'down' | 'stop';
  },
): Promise<void> {
  for (const name of providedServices(project, services).reverse()) {
    await runProvider({ context, project, name, action });
  }
}

/** What is set by `setenv` has the service's name in front. */
interface Variables {
  readonly prefixed: ReadonlyMap<string, string>;
  readonly raw: ReadonlyMap<string, string>;
}

interface ProviderRun {
  readonly context: Context;
  readonly project: Project;
  readonly name: string;
  readonly action: ProviderAction;
}

async function runProvider(run: ProviderRun): Promise<Variables> {
  const { context, project, name, action } = run;
  const provider = project.services[name]?.provider;
  if (provider === undefined) throw new TypeError(`"${name}" has no provider`);
  const path = locate(run, provider.type);
  const call = { path, env: environmentOf(run), ...placeOf(run) };
  const metadata = await metadataOf({ ...call, args: ['compose', 'metadata'] });
  const empty = { prefixed: new Map<string, string>(), raw: new Map<string, string>() };
  // Newer than the protocol: only who names it knows it.
  if (action === 'stop' && metadata?.stop === undefined) return empty;
  const args = [
    'compose',
    `--project-name=${project.name}`,
    action,
    ...optionsOf(run, provider.options ?? {}, metadata?.[action]),
    name,
  ];
  const messages = new Messages(run);
  const { code, signal } = await runProgram({ ...call, args }, (line) => {
    messages.read(line);
  });
  messages.end();
  if (code !== 0) {
    const how = signal === null ? `exit status ${code ?? 0}` : `signal: ${signal}`;
    throw failure(run, `failed to ${action} service provider "${name}": ${how}`);
  }
  context.ui.notice(` Service ${name}  ${words[action]}`);
  return messages;
}

const words = { up: 'Created', down: 'Removed', stop: 'Stopped' } as const;

function failure({ project, name }: ProviderRun, message: string, hint?: string): ComposeError {
  const path = ['services', name, 'provider'];
  return errorAt(project, ['dependency-failed', message], { path, ...(hint && { hint }) });
}

function locate(run: ProviderRun, type: string): string {
  if (type === 'compose') throw failure(run, `'compose' is not a valid provider type`);
  const found = findProgram(type, environmentOf(run));
  if (found !== null) return found;
  throw failure(
    run,
    `provider "${type}" of service "${run.name}" is not there`,
    `install it as docker-${type} among the plugins of docker, or as ${type} in PATH`,
  );
}

function environmentOf({ context, project }: ProviderRun): ProgramCall['env'] {
  return { ...context.env, ...project.environment, DOCKER_HOST: context.address().url };
}

function placeOf({ context, project }: ProviderRun): Pick<ProgramCall, 'cwd' | 'signal'> {
  return { cwd: project.workingDirectory, signal: context.interrupts.graceful };
}

interface Parameter {
  readonly name: string;
  readonly isRequired: boolean;
}

type Metadata = Partial<Record<ProviderAction, readonly Parameter[]>>;

/** null: a program that tells nothing of itself gets every option. */
async function metadataOf(call: ProgramCall): Promise<Metadata | null> {
  const text = await outputOf(call);
  if (text === null) return null;
  try {
    return readMetadata(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function readMetadata(value: unknown): Metadata | null {
  if (!isObject(value)) return null;
  const metadata: Metadata = {};
  for (const action of ['up', 'down', 'stop'] as const) {
    const described = value[action];
    if (!isObject(described)) continue;
    const parameters = Array.isArray(described['parameters']) ? described['parameters'] : [];
    metadata[action] = parameters.filter(isObject).map((parameter) => ({
      name: String(parameter['name']),
      isRequired: parameter['required'] === true || parameter['required'] === 'true',
    }));
  }
  return Object.keys(metadata).length === 0 ? null : metadata;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Options = NonNullable<NonNullable<Service['provider']>['options']>;

function optionsOf(
  run: ProviderRun,
  options: Options,
  parameters: readonly Parameter[] | undefined,
): string[] {
  const absent = parameters?.find(
    ({ name, isRequired }) => isRequired && !Object.hasOwn(options, name),
  );
  if (absent !== undefined) {
    const type = run.project.services[run.name]?.provider?.type ?? '';
    throw failure(
      run,
      `required parameter "${absent.name}" is missing from provider "${type}" definition`,
    );
  }
  const isKnown = (key: string): boolean =>
    parameters === undefined || parameters.some(({ name }) => name === key);
  return Object.entries(options).flatMap(([key, values]) =>
    isKnown(key) ? values.map((value) => `--${key}=${value}`) : [],
  );
}

/** What a program says while it works. */
class Messages implements Variables {
  readonly prefixed = new Map<string, string>();
  readonly raw = new Map<string, string>();
  readonly #run: ProviderRun;
  #failure: ComposeError | null = null;

  constructor(run: ProviderRun) {
    this.#run = run;
  }

  read(line: string): void {
    if (line.trim() === '') return;
    const { type, message } = parseMessage(line);
    const { context, name } = this.#run;
    if (type === 'info') context.ui.notice(` Service ${name}  ${message}`);
    else if (type === 'setenv') this.#set(this.prefixed, message);
    else if (type === 'rawsetenv') this.#set(this.raw, message);
    else if (type === 'error') this.#fail(message);
    else if (type !== 'debug') this.#fail(`invalid response from plugin: ${line}`);
  }

  end(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #set(variables: Map<string, string>, message: string): void {
    const [key = '', value] = message.split(/=(.*)/su);
    if (key === '' || value === undefined) this.#fail(`invalid response from plugin: ${message}`);
    else variables.set(key, value);
  }

  #fail(message: string): void {
    this.#failure ??= failure(this.#run, message);
  }
}

function parseMessage(line: string): { readonly type: string; readonly message: string } {
  try {
    const value: unknown = JSON.parse(line);
    if (!isObject(value)) return { type: '', message: line };
    const { type, message } = value;
    return {
      type: typeof type === 'string' ? type : '',
      message: typeof message === 'string' ? message : '',
    };
  } catch (error) {
    if (error instanceof SyntaxError) return { type: '', message: line };
    throw error;
  }
}

/** For those who depend on it: `DATABASE_URL` of the service `database`. */
function withVariables(project: Project, name: string, { prefixed, raw }: Variables): Project {
  const prefix = `${name.toUpperCase().replaceAll(/[^A-Z0-9]/gu, '_')}_`;
  const variables = Object.fromEntries([
    ...[...prefixed].map(([key, value]) => [`${prefix}${key}`, value] as const),
    ...raw,
  ]);
  const services = Object.entries(project.services).map(([key, service]) => {
    if (service.depends_on?.[name] === undefined) return [key, service] as const;
    return [key, { ...service, environment: { ...service.environment, ...variables } }] as const;
  });
  return { ...project, services: Object.fromEntries(services) };
}
