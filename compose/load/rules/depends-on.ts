import { findCycle } from '../../dependencies.ts';
import { didYouMean } from '../../schema/nearest.ts';
import { isMap } from '../tree.ts';
import type { CheckScope } from './scope.ts';

export function checkDependencies(scope: CheckScope): void {
  const graph = new Map<string, string[]>();
  for (const [name] of scope.services) {
    const needed: string[] = [];
    for (const dependency of scope.keysOf('services', name, 'depends_on')) {
      if (scope.has('services', dependency)) needed.push(dependency);
      else checkUndefined(scope, name, dependency);
    }
    graph.set(name, needed);
  }
  const cycle = findCycle(graph);
  if (cycle === null) return;
  const [first = '', second = ''] = cycle;
  scope.keyError(
    ['services', first, 'depends_on', second],
    ['dependency-cycle', `services depend on each other in a circle: ${cycle.join(' → ')}`],
    {
      related: cycle.slice(1, -1).map((name, index) => ({
        message: `"${name}" depends on "${cycle[index + 2] ?? ''}" at`,
        span: scope.spanAt(['services', name, 'depends_on', cycle[index + 2] ?? '']),
      })),
      hint: 'remove one of these dependencies',
    },
  );
}

function checkUndefined(scope: CheckScope, service: string, dependency: string): void {
  const entry = scope.get('services', service, 'depends_on', dependency);
  if (isMap(entry) && entry['required'] === false) return;
  const label = didYouMean(dependency, scope.keysOf('services'));
  scope.keyError(
    ['services', service, 'depends_on', dependency],
    ['undefined-reference', `service "${service}" depends on undefined service "${dependency}"`],
    {
      label,
      hint:
        label === undefined
          ? 'define it, enable the profile it belongs to, or say "required: false"'
          : undefined,
    },
  );
}
