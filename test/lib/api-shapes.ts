/** The calls whose answers are compared with what dockerd sent, and the keys that may be absent there. */
import { request as httpRequest } from 'node:http';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

export interface CallAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One request by Node's own client, which knows nothing of ours. */
export function callApi(socketPath: string, { method, path, body }: Call): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const options = { socketPath, method, path: `/v1.51${path}`, headers };
    const sent = httpRequest(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const answer: unknown = text === '' ? null : JSON.parse(text);
        resolve({ status: response.statusCode ?? 0, body: answer });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const image = { Image: 'app' };

/**
 * By the name of the recorded answer. They expect images `app` and `unused`, a container `web` of the first, a network `net` and a volume
 * `data`.
 */
export const shapeCases: readonly (readonly [string, Call])[] = [
  ['version', { method: 'GET', path: '/version' }],
  ['info', { method: 'GET', path: '/info' }],
  ['volume create', { method: 'POST', path: '/volumes/create', body: { Name: 'data' } }],
  ['volume inspect', { method: 'GET', path: '/volumes/data' }],
  ['volumes', { method: 'GET', path: '/volumes' }],
  ['network create', { method: 'POST', path: '/networks/create', body: { Name: 'other' } }],
  ['network inspect', { method: 'GET', path: '/networks/net' }],
  ['network inspect bridge', { method: 'GET', path: '/networks/bridge' }],
  ['networks', { method: 'GET', path: '/networks' }],
  ['container create', { method: 'POST', path: '/containers/create?name=more', body: image }],
  ['container inspect created', { method: 'GET', path: '/containers/more/json' }],
  ['container inspect running', { method: 'GET', path: '/containers/web/json' }],
  ['containers', { method: 'GET', path: '/containers/json?all=1' }],
  ['wait', { method: 'POST', path: '/containers/more/wait' }],
  ['images', { method: 'GET', path: '/images/json' }],
  ['image inspect', { method: 'GET', path: '/images/app/json' }],
  ['error 404 container', { method: 'GET', path: '/containers/ghost/json' }],
  ['error 404 image', { method: 'GET', path: '/images/ghost/json' }],
  ['error 409', { method: 'POST', path: '/containers/create?name=web', body: image }],
  ['error 400', { method: 'GET', path: '/containers/json?filters=x' }],
  ['error 503 swarm', { method: 'GET', path: '/services' }],
  ['error 404 plugin', { method: 'GET', path: '/plugins/x/json' }],
  ['plugins', { method: 'GET', path: '/plugins' }],
  ['image delete', { method: 'DELETE', path: '/images/unused' }],
];

const setInTheRecordingOnly = [
  'HostConfig.Annotations',
  'HostConfig.Mounts',
  'HostConfig.Tmpfs',
  'HostConfig.Sysctls',
  'HostConfig.Init',
  'Config.ExposedPorts',
  'Config.Healthcheck',
  'Config.StopSignal',
  'Config.StopTimeout',
  'Config.Shell',
];

/** Recorded keys that an answer may lack, by the name of the recorded answer. */
export const optionalKeys: Readonly<Record<string, readonly string[]>> = {
  'container inspect created': [...setInTheRecordingOnly, 'SizeRw', 'SizeRootFs'],
  // Health: of a container with a health check. Sizes: on request.
  'container inspect running': [...setInTheRecordingOnly, 'State.Health', 'SizeRw', 'SizeRootFs'],
  containers: ['[].SizeRootFs', '[].HostConfig.Annotations'],
  'image inspect': [
    ...['Cmd', 'Entrypoint', 'Env', 'ExposedPorts', 'Healthcheck', 'Labels', 'OnBuild', 'Shell'],
    ...['StopSignal', 'User', 'Volumes', 'WorkingDir'],
  ].map((key) => `Config.${key}`),
  // This engine has one runtime, without a containerd beside it.
  info: ['Runtimes.*.status', 'Containerd'],
  // Only where the pool was given a range.
  'network inspect': ['IPAM.Config[].IPRange', 'IPAM.Config[].Gateway'],
  networks: ['[].IPAM.Config[].IPRange', '[].IPAM.Config[].Gateway'],
  'network inspect bridge': ['IPAM.Config[].IPRange', 'IPAM.Config[].Gateway'],
};

/** What the backend fills in of each endpoint, and a fake one does not. */
export const endpointKeys: readonly string[] = [
  ...['IPAMConfig', 'Links', 'Aliases', 'MacAddress', 'DriverOpts', 'GwPriority', 'NetworkID'],
  ...['EndpointID', 'Gateway', 'IPAddress', 'IPPrefixLen', 'IPv6Gateway', 'GlobalIPv6Address'],
  ...['GlobalIPv6PrefixLen', 'DNSNames'],
].flatMap((key) => [`NetworkSettings.Networks.*.${key}`, `[].NetworkSettings.Networks.*.${key}`]);
