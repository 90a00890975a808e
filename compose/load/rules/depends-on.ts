import { findCycle } from '../../dependencies.ts';
import { keySpan } from '../findings.ts';
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
  const found = findCycle(graph);
  if (found !== null) reportCycle(scope, found);
}

/** The path is told from where it begins in the file; a service that needs itself is a path of one step. */
function reportCycle(scope: CheckScope, found: readonly string[]): void {
  const names = found.slice(0, -1);
  const turn = names.indexOf(scope.inFileOrder(names)[0] ?? '');
  const cycle = [...names.slice(turn), ...names.slice(0, turn)];
  const [first = '', second = first] = cycle;
  const shown = [...cycle, first].join(' → ');
  scope.keyError(
    ['services', first, 'depends_on', second],
    [
      'dependency-cycle',
      cycle.length === 1
        ? `service "${first}" depends on itself`
        : `services depend on each other in a circle: ${shown}`,
    ],
    {
      related: cycle.slice(1).map((name, index) => {
        const next = cycle[index + 2] ?? first;
        const span = keySpan(scope.root, ['services', name, 'depends_on', next]);
        return { message: `"${name}" depends on "${next}" at`, span };
      }),
      hint: cycle.length === 1 ? 'remove it' : 'remove one of these dependencies',
    },
  );
}

function checkUndefined(scope: CheckScope, service: string, dependency: string): void {
  const entry = scope.get('services', service, 'depends_on', dependency);
  // references.ts has said so already, at the name itself.
  const shared = ['network_mode', 'ipc', 'pid'].map((key) => scope.get('services', service, key));
  if (shared.includes(`service:${dependency}`)) return;
  const profiles = scope.disabledProfiles(dependency);
  if (profiles !== null && isMap(entry) && entry['required'] === false) return;
  // Naming a service enables its profiles, and with them services that nobody asked for.
  if (profiles !== null && !scope.isWanted(service)) return;
  const label = profiles === null ? didYouMean(dependency, scope.keysOf('services')) : undefined;
  scope.keyError(
    ['services', service, 'depends_on', dependency],
    [
      'undefined-reference',
      profiles === null
        ? `service "${service}" depends on undefined service "${dependency}"`
        : `service "${service}" depends on service "${dependency}", which is not enabled`,
    ],
    {
      label,
      hint:
        profiles !== null
          ? `enable its profile: --profile ${profiles[0] ?? ''}, or say "required: false"`
          : label === undefined
            ? `define it: "services:" with "${dependency}:" below it`
            : undefined,
    },
  );
}
