/** Endpoints whose whole answer is that there is nothing: clients ask for them and need the exact status. */
import { EngineError } from '../../api/index.ts';
import { json, type Route } from '../server/index.ts';

const notManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** dockerd outside a swarm answers all of these with 503. */
const swarmRoots = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'];

export function stubRoutes(): readonly Route[] {
  return [
    { method: 'GET', path: '/plugins', handle: () => json([]) },
    {
      method: 'GET',
      path: '/plugins/{name+}/json',
      handle: ({ parameter }) => {
        throw new EngineError('not-found', `plugin "${parameter('name')}" not found`);
      },
    },
    ...swarmRoots.flatMap((root) => [...swarmStub(root), ...swarmStub(`${root}/{rest+}`)]),
  ];
}

function swarmStub(path: string): readonly Route[] {
  return (['GET', 'POST', 'DELETE'] as const).map((method) => ({
    method,
    path,
    handle: () => {
      throw new EngineError('unavailable', notManager);
    },
  }));
}
