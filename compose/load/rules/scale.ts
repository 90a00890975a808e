/** Values that can be given in two places, and must then agree; how often a service can run. */
import { isMap, type TreeMap } from '../tree.ts';
import type { CheckScope } from './scope.ts';

export function checkScale(scope: CheckScope): void {
  const owners = new Map<string, string>();
  const services = new Map(scope.services);
  for (const name of scope.inFileOrder([...services.keys()])) {
    const service = services.get(name);
    if (service === undefined) continue;
    for (const pair of pairs) checkPair(scope, name, pair);
    checkContainerName(scope, name, service);
    checkUnique(scope, name, { service, owners });
  }
}

interface Pair {
  readonly own: string;
  readonly deploy: readonly string[];
}

const pairs: readonly Pair[] = [
  { own: 'scale', deploy: ['replicas'] },
  { own: 'cpus', deploy: ['resources', 'limits', 'cpus'] },
  { own: 'mem_limit', deploy: ['resources', 'limits', 'memory'] },
  { own: 'mem_reservation', deploy: ['resources', 'reservations', 'memory'] },
  { own: 'pids_limit', deploy: ['resources', 'limits', 'pids'] },
];

function checkPair(scope: CheckScope, name: string, { own, deploy }: Pair): void {
  const left = scope.get('services', name, own);
  const right = scope.get('services', name, 'deploy', ...deploy);
  if (left === undefined || right === undefined || left === right || isZero(left) || isZero(right))
    return;
  const other = ['deploy', ...deploy];
  scope.error(
    ['services', name, own],
    [
      'conflicting-attributes',
      `service "${name}" has different values for ${own} and ${other.join('.')}`,
    ],
    {
      related: [
        { message: `${other.join('.')} at`, span: scope.spanAt(['services', name, ...other]) },
      ],
      hint: 'keep one of them',
    },
  );
}

function isZero(value: unknown): boolean {
  return value === '0';
}

/** How many replicas a service asks for. */
export function replicasOf(service: TreeMap): number {
  const { scale, deploy } = service;
  const replicas = isMap(deploy) ? deploy['replicas'] : undefined;
  if (typeof scale === 'number') return scale;
  return typeof replicas === 'number' ? replicas : 1;
}

function checkContainerName(scope: CheckScope, name: string, service: TreeMap): void {
  const own = service['container_name'];
  const replicas = replicasOf(service);
  if (replicas < 0) {
    scope.error(
      ['services', name, 'scale'],
      ['invalid-value', `service "${name}" cannot run ${replicas} times`],
    );
  }
  if (typeof own !== 'string' || own === '' || replicas <= 1) return;
  scope.error(
    ['services', name, 'container_name'],
    [
      'conflicting-attributes',
      `service "${name}" runs ${replicas} times, but container_name "${own}" can be given once`,
    ],
    { hint: 'remove container_name, so that every replica gets a name of its own' },
  );
}

interface NameOwners {
  readonly service: TreeMap;
  readonly owners: Map<string, string>;
}

function checkUnique(scope: CheckScope, name: string, { service, owners }: NameOwners): void {
  const own = service['container_name'];
  if (typeof own !== 'string' || own === '') return;
  const owner = owners.get(own);
  if (owner === undefined) {
    owners.set(own, name);
    return;
  }
  scope.error(
    ['services', name, 'container_name'],
    ['duplicate-name', `container name "${own}" is used by service "${owner}" as well`],
    {
      related: [{ message: 'first at', span: scope.spanAt(['services', owner, 'container_name']) }],
    },
  );
}
