/** `use_api_socket`: the engine's socket in a container, and the credentials of its user for registries. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errorAt, type Project, type Service } from '../../compose/index.ts';
import type { Context } from '../context.ts';

const socketTarget = '/var/run/docker.sock';
const configTarget = '/run/secrets/docker';
/** Of the file with the credentials: no user's config has such a name. */
const configName = '#apisocket';

export function withApiSocket(
  context: Context,
  project: Project,
  services: readonly string[],
): Project {
  const users = services.filter((name) => project.services[name]?.use_api_socket === true);
  const [first] = users;
  if (first === undefined) return project;
  const { url } = context.address();
  if (!url.startsWith('unix://')) {
    const message = `use_api_socket can only be used with unix sockets: the engine of service "${first}" is at ${url}`;
    throw errorAt(project, ['not-supported', message], {
      path: ['services', first, 'use_api_socket'],
    });
  }
  const credentials = credentialsOf({ ...context.env, ...project.environment });
  const socket = url.slice('unix://'.length);
  const changed = users.map((name) => {
    return [name, withSocket(project.services[name], { socket, credentials })] as const;
  });
  return {
    ...project,
    ...(credentials !== null && {
      configs: { ...project.configs, [configName]: { name: configName, content: credentials } },
    }),
    services: { ...project.services, ...Object.fromEntries(changed) },
  };
}

interface Given {
  readonly socket: string;
  readonly credentials: string | null;
}

function withSocket(service: Service | undefined, { socket, credentials }: Given): Service {
  if (service === undefined) throw new TypeError('the service was selected, so it is there');
  const mount = { type: 'bind', source: socket, target: socketTarget } as const;
  const isSet = service.environment?.['DOCKER_CONFIG'] !== undefined;
  return {
    ...service,
    volumes: [...(service.volumes ?? []).filter(({ target }) => target !== socketTarget), mount],
    ...(credentials !== null &&
      !isSet && {
        environment: { ...service.environment, DOCKER_CONFIG: configTarget },
        configs: [
          ...(service.configs ?? []),
          { source: configName, target: `${configTarget}/config.json`, mode: '0400' },
        ],
      }),
  };
}

/** Only what logs in: no proxies, plugins or helpers of this machine. null where there is nothing of it. */
function credentialsOf(env: Context['env']): string | null {
  const directory = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
  try {
    const { auths } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as {
      readonly auths?: Readonly<Record<string, { readonly auth?: string }>>;
    };
    const known = Object.entries(auths ?? {}).filter(([, { auth = '' }]) => auth !== '');
    if (known.length === 0) return null;
    return `${JSON.stringify({ auths: Object.fromEntries(known) })}\n`;
  } catch (error) {
    // Who has none, or one that docker could not read either, is not logged in.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return null;
    throw error;
  }
}
