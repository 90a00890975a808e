// Programs that install.mjs has unpacked.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const benchTools = '/var/cache/tscompose-bench-tools';

/** The words before its arguments, or null where the machine does not have it. */
export function findIperf3() {
  const program = join(benchTools, 'usr/bin/iperf3');
  if (!existsSync(program)) return null;
  const libraries = join(benchTools, 'usr/lib');
  const paths = readdirSync(libraries).map((name) => join(libraries, name));
  return ['env', `LD_LIBRARY_PATH=${paths.join(':')}`, program];
}
