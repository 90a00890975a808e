/** Asks the machine what its cgroups can do: most control files are not there in a hierarchy's root, so one is made to see. */
import { mkdirSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { enableControllers, readIfThere, removeIfEmpty } from './cgroup-files.ts';
import type { Hierarchy } from './cgroup-hierarchies.ts';
import type { CgroupSupport } from './cgroup-support.ts';

/** `name` is of a directory that may be made in the root of every hierarchy, and is gone afterwards. */
export function probeSupport(hierarchies: readonly Hierarchy[], name: string): CgroupSupport {
  const files = new Set<string>();
  const isUnifiedOnly = hierarchies.every(({ version }) => version === 2);
  for (const { mountPoint, version } of hierarchies) {
    const directory = join(mountPoint, name);
    if (version === 2 && isUnifiedOnly) enableControllers(mountPoint);
    mkdirSync(directory, { recursive: true });
    try {
      for (const file of readdirSync(directory)) files.add(file);
    } finally {
      removeIfEmpty(directory);
    }
  }
  return {
    files,
    cpuCount: cpus().length,
    cpus: readSet(hierarchies, 'cpuset.cpus'),
    memoryNodes: readSet(hierarchies, 'cpuset.mems'),
  };
}

/** v2 says what can be used in a file of its own, v1 has all in its root. */
function readSet(hierarchies: readonly Hierarchy[], file: string): string {
  for (const { mountPoint, version, controllers } of hierarchies) {
    if (version === 1 && !controllers.includes('cpuset')) continue;
    const text = readIfThere(join(mountPoint, version === 2 ? `${file}.effective` : file)).trim();
    if (text !== '') return text;
  }
  return '';
}
