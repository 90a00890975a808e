/** Two mounts cannot share a target. */
import { shownText } from '../yaml-scalars.ts';
import { isList, isMap, type TreeMap } from '../tree.ts';
import type { CheckScope } from './scope.ts';

export function checkMounts(scope: CheckScope): void {
  for (const [name, service] of scope.services) {
    checkTargets(scope, name, service);
    const { volumes } = service;
    if (!isList(volumes)) continue;
    volumes.forEach((mount, index) => {
      if (isMap(mount)) checkMount(scope, ['services', name, 'volumes', index], mount);
    });
  }
}

function checkMount(scope: CheckScope, path: (string | number)[], mount: TreeMap): void {
  const kind = shownText(mount['type']);
  if (mount['target'] === undefined || mount['target'] === '') {
    scope.error(path, [
      'missing-key',
      `a ${kind} mount of service "${String(path[1])}" has no target`,
    ]);
  }
  if (kind === 'bind' && mount['source'] === undefined) {
    scope.error(path, [
      'missing-key',
      `a bind mount of service "${String(path[1])}" has no source`,
    ]);
  }
}

function checkTargets(scope: CheckScope, name: string, service: TreeMap): void {
  const { volumes, tmpfs } = service;
  const taken = new Map<string, number>();
  if (isList(tmpfs)) {
    tmpfs.forEach((entry, index) => {
      taken.set(shownText(entry).split(':', 1)[0] ?? '', index);
    });
  }
  if (!isList(volumes)) return;
  volumes.forEach((mount, index) => {
    const target = isMap(mount) ? mount['target'] : undefined;
    const clash = typeof target === 'string' ? taken.get(target) : undefined;
    if (clash === undefined) return;
    scope.error(
      ['services', name, 'volumes', index],
      ['duplicate-name', `service "${name}" mounts "${shownText(target)}" twice`],
      {
        related: [
          { message: 'as tmpfs at', span: scope.spanAt(['services', name, 'tmpfs', clash]) },
        ],
      },
    );
  });
}
