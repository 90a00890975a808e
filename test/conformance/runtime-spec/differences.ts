/**
 * Where the runtimes that the suite is compared with do otherwise: by family, the name of a case and why it fails there.
 * With RUNTIME set, a case that is named here must fail, and every other must pass; a name that is no case fails its
 * family. Seen with runc 1.1.5 of Debian 12; crun 1.8 refuses hybrid cgroups, so that it can be compared only on a host
 * that has one version.
 */
export type Family =
  | 'configurations that are wrong'
  | 'hooks'
  | 'lifecycle: create'
  | 'lifecycle: start'
  | 'lifecycle: state'
  | 'lifecycle: kill'
  | 'lifecycle: delete'
  | 'lifecycle: pause and resume'
  | 'lifecycle: run and the rest of the command line'
  | 'namespaces'
  | 'seccomp'
  | 'control groups'
  | 'mounts: file systems and their options'
  | 'mounts: binds'
  | 'mounts: what is mounted below'
  | 'mounts: propagation'
  | 'root and paths that are covered'
  | 'devices'
  | 'process'
  | 'process: capabilities'
  | 'process: limits'
  | 'process: scheduling and clocks'
  | 'process: terminals'
  | 'exec';

export type Difference = { readonly crun?: string; readonly runc?: string };

export const differences: Readonly<Partial<Record<Family, Readonly<Record<string, Difference>>>>> =
  {
    'configurations that are wrong': {
      'no version is refused': { runc: 'does not look at the version' },
      'a version that is none is refused': { runc: 'does not look at the version' },
      'a version of the future is refused': { runc: 'does not look at the version' },
      'the same limit twice is refused': { runc: 'the last one holds' },
      'a scheduler that nobody knows is refused': { runc: '1.1 does not know the field' },
      'a class of i/o that nobody knows is refused': { runc: '1.1 does not know the field' },
      'clocks without a namespace for them is refused': { runc: '1.1 does not know the field' },
      'a personality that nobody knows is refused': { runc: '1.1 does not know the field' },
      'a group outside of the hierarchies is refused': { runc: 'cuts ".." off' },
    },
    hooks: {
      'createContainer runs in the namespaces of the container, before the root is exchanged': {
        runc: 'gives the container its name only afterwards',
      },
      'poststart that fails is no failure of the container': { runc: 'ends the container' },
      'poststop that fails is no failure of the container': {
        runc: 'leaves out the hooks behind it',
      },
    },
    'lifecycle: delete': {
      'delete of one that waits is refused, and has no effect': {
        runc: 'ends it; the specification allows only what has stopped',
      },
    },
    namespaces: {
      "a new time namespace is the container's own": { runc: '1.1 makes no time namespace' },
      'host name and domain name are those that are given': {
        runc: '1.1 does not know the domain name',
      },
    },
    seccomp: {
      'calls that no rule names get the default, with its number': {
        runc: 'needs further calls itself before it becomes the program',
      },
      'flags of the filter are taken': { runc: '1.1 takes none' },
    },
    'mounts: propagation': {
      'the root is unbindable': { runc: 'leaves the root private' },
      'the root can be shared with the host': { runc: 'leaves the root private' },
    },
    devices: {
      'a /dev that is bound from elsewhere stays as it is': {
        runc: 'fails where such a /dev is no device file system',
      },
    },
    process: {
      'user, group and further groups are those that are given': {
        runc: 'takes no group above 2^31',
      },
    },
    'process: scheduling and clocks': {
      'the scheduler can be SCHED_BATCH': { runc: '1.1 does not know the field' },
      'the scheduler can be SCHED_IDLE': { runc: '1.1 does not know the field' },
      'the scheduler has the nice value that is given': { runc: '1.1 does not know the field' },
      'the priority of i/o can be IOPRIO_CLASS_BE': { runc: '1.1 does not know the field' },
      'the priority of i/o can be IOPRIO_CLASS_IDLE': { runc: '1.1 does not know the field' },
      'the personality can be that of a 32 bit machine': { runc: '1.1 does not know the field' },
      'the clock "boottime" can be ahead': { runc: '1.1 makes no time namespace' },
      'the clock "monotonic" can be ahead': { runc: '1.1 makes no time namespace' },
    },
    'process: terminals': {
      'a further program can have one as well': {
        runc: 'takes a console socket only with --detach',
      },
    },
  };
