/** Language models: a model runner serves them, which docker has as the plugin `model`. */
import { errorAt, type Project, type Service } from '../../compose/index.ts';
import type { Context } from '../context.ts';
import { findPlugin } from './plugins.ts';
import { outputOf, runProgram, type ProgramCall } from './program.ts';

/** The project with the address and the name of their models in the services that use some. */
export async function bringUpModels(
  context: Context,
  project: Project,
  services: readonly string[],
): Promise<Project> {
  const users = services.filter((name) => modelsOf(project.services[name]).length > 0);
  const [first] = users;
  if (first === undefined) return project;
  const path = findPlugin('model', { ...context.env, ...project.environment });
  if (path === null) {
    throw errorAt(
      project,
      ['dependency-failed', `service "${first}" uses models, and there is no model runner`],
      {
        path: ['services', first, 'models'],
        hint: 'install the plugin "model" of docker (Docker Model Runner)',
      },
    );
  }
  const call = {
    path,
    env: { ...context.env, ...project.environment },
    cwd: project.workingDirectory,
    signal: context.interrupts.graceful,
  };
  const wanted = new Set(users.flatMap((name) => modelsOf(project.services[name])));
  for (const key of wanted) await prepareModel(context, project, { key, call });
  const endpoint = await endpointOf({ ...call, args: ['model', 'status', '--json'] });
  if (endpoint === null) {
    throw errorAt(project, ['dependency-failed', 'the model runner does not run'], {
      path: ['models'],
      hint: 'start it: docker model status says why it does not run',
    });
  }
  const changed = users.map((name) => [name, withModels(project, name, endpoint)] as const);
  return { ...project, services: { ...project.services, ...Object.fromEntries(changed) } };
}

function modelsOf(service: Service | undefined): string[] {
  return Object.keys(service?.models ?? {});
}

type Call = Omit<ProgramCall, 'args'>;

/** Pulled where it is absent, and set up. */
async function prepareModel(
  context: Context,
  project: Project,
  { key, call }: { readonly key: string; readonly call: Call },
): Promise<void> {
  const resource = project.models[key];
  if (resource === undefined) return;
  const { model, context_size: size, runtime_flags: flags = [] } = resource;
  const steps = [
    ...((await outputOf({ ...call, args: ['model', 'inspect', model] })) === null
      ? [['model', 'pull', model]]
      : []),
    ...(size === undefined && flags.length === 0
      ? []
      : [
          [
            ...['model', 'configure'],
            ...(size === undefined ? [] : [`--context-size=${size}`]),
            model,
            ...(flags.length === 0 ? [] : ['--', ...flags]),
          ],
        ]),
  ];
  for (const args of steps) {
    const { code } = await runProgram({ ...call, args }, () => undefined);
    if (code === 0) continue;
    throw errorAt(
      project,
      ['dependency-failed', `model "${key}": "${args.join(' ')}" ended with ${code ?? 'a signal'}`],
      { path: ['models', key] },
    );
  }
  context.ui.notice(` Model ${key}  Configured`);
}

async function endpointOf(call: ProgramCall): Promise<string | null> {
  const text = await outputOf(call);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    const endpoint =
      typeof value === 'object' && value !== null && 'endpoint' in value ? value.endpoint : null;
    return typeof endpoint === 'string' && endpoint !== '' ? endpoint : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** `MY_MODEL_URL` and `MY_MODEL` of the model `my-model`, unless the service has names of its own for them. */
function withModels(project: Project, name: string, endpoint: string): Service {
  const service = project.services[name];
  if (service === undefined) throw new TypeError(`no service "${name}"`);
  const variables = Object.entries(service.models ?? {}).flatMap(([key, reference]) => {
    const own = key.toUpperCase().replaceAll('-', '_');
    return [
      [reference?.endpoint_var ?? `${own}_URL`, endpoint],
      [reference?.model_var ?? own, project.models[key]?.model ?? ''],
    ] as const;
  });
  return { ...service, environment: { ...service.environment, ...Object.fromEntries(variables) } };
}
