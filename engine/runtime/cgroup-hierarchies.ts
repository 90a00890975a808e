/** Which cgroup hierarchies the machine has and where they are mounted. cgroups(7), proc_pid_mountinfo(5). */

/** One mounted hierarchy. A v1 one has at least one controller, or only a name, which is of no use to us. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** v1: as mounted, in the kernel's order. v2: empty, its controllers are asked for in `cgroup.controllers`. */
  readonly controllers: readonly string[];
}

/** v1 controllers that a container joins where they are mounted; a hierarchy of none of them is left alone. */
const wantedControllers: ReadonlySet<string> = new Set([
  'devices',
  'memory',
  'pids',
  'cpu',
  'cpuacct',
  'cpuset',
  'blkio',
]);

/** The hierarchies to join, the v2 one first: a process is cloned into that one and walks into the others. */
export function findHierarchies(mountinfo: string): readonly Hierarchy[] {
  const found = mountinfo
    .split('\n')
    .map(parseLine)
    .filter((hierarchy) => hierarchy !== null);
  const unified = found.find(({ version }) => version === 2);
  // v2 freezes and kills on its own, on hybrid hosts too; v1 needs a controller for the first and has no second.
  const wanted =
    unified === undefined ? new Set([...wantedControllers, 'freezer']) : wantedControllers;
  const seen = new Set<string>();
  const legacy = found.filter(({ version, controllers }) => {
    const name = controllers.join();
    if (version === 2 || seen.has(name)) return false;
    seen.add(name);
    return controllers.some((controller) => wanted.has(controller));
  });
  return unified === undefined ? legacy : [unified, ...legacy];
}

/** Mount points of the v1 hierarchies that are left alone here, and that other runtimes enter as well. */
export function otherMountPoints(mountinfo: string): readonly string[] {
  const own = new Set(findHierarchies(mountinfo).map(({ mountPoint }) => mountPoint));
  return mountinfo
    .split('\n')
    .map(parseLine)
    .flatMap((hierarchy) => hierarchy?.mountPoint ?? [])
    .filter((mountPoint) => !own.has(mountPoint));
}

const controllerNames: ReadonlySet<string> = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'misc',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
]);

function parseLine(line: string): Hierarchy | null {
  const [left = '', right = ''] = line.split(' - ');
  const [type, , superOptions = ''] = right.split(' ');
  const mountPoint = unescapeOctal(left.split(' ')[4] ?? '');
  if (type === 'cgroup2') return { version: 2, mountPoint, controllers: [] };
  if (type !== 'cgroup') return null;
  const controllers = superOptions.split(',').filter((option) => controllerNames.has(option));
  return { version: 1, mountPoint, controllers };
}

/** Space, tab, line break and backslash are written as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
