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
  const { target } = mount;
  if (target === undefined || target === '.') {
    const mistake = [
      'missing-key',
      `a ${kind} mount of service "${String(path[1])}" has no target`,
    ] as const;
    if (target === undefined) scope.error(path, mistake);
    else scope.engineError([...path, 'target'], mistake);
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
  const refuse = (target: string, path: readonly [key: string, index: number]): void => {
    const span = scope.spanAt(['services', name, 'tmpfs', taken.get(target) ?? 0]);
    scope.error(
      ['services', name, ...path],
      ['duplicate-name', `service "${name}" mounts "${target}" twice`],
      { related: [{ message: 'as tmpfs at', span }] },
    );
  };
  if (isList(tmpfs)) {
    tmpfs.forEach((entry, index) => {
      const [target = ''] = shownText(entry).split(':', 1);
      if (taken.has(target)) refuse(target, ['tmpfs', index]);
      else taken.set(target, index);
    });
  }
  if (!isList(volumes)) return;
  volumes.forEach((mount, index) => {
    const target = isMap(mount) ? mount['target'] : undefined;
    if (typeof target === 'string' && taken.has(target)) refuse(target, ['volumes', index]);
  });
}
