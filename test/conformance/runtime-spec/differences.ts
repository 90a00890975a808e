/**
 * Where the runtimes that the suite is compared with do otherwise: the name of a case and why it fails there. With
 * RUNTIME set, a case that is named here must fail, and every other must pass. Seen with runc 1.1.5 of Debian 12; crun 1.8
 * refuses hybrid cgroups, so that it can be compared only on a host that has one version.
 */
export const differences: Readonly<
  Record<string, { readonly crun?: string; readonly runc?: string }>
> = {
  'delete of one that waits is refused, and has no effect': {
    runc: 'ends it; the specification allows only what has stopped',
  },
  'no version is refused': { runc: 'does not look at the version' },
  'a version that is none is refused': { runc: 'does not look at the version' },
  'a version of the future is refused': { runc: 'does not look at the version' },
  'the same limit twice is refused': { runc: 'the last one holds' },
  'a scheduler that nobody knows is refused': { runc: '1.1 does not know the field' },
  'a class of i/o that nobody knows is refused': { runc: '1.1 does not know the field' },
  'clocks without a namespace for them is refused': { runc: '1.1 does not know the field' },
  'a personality that nobody knows is refused': { runc: '1.1 does not know the field' },
  'a group outside of the hierarchies is refused': { runc: 'cuts ".." off' },
  'createContainer runs in the namespaces of the container, before the root is exchanged': {
    runc: 'gives the container its name only afterwards',
  },
  'poststart that fails is no failure of the container': { runc: 'ends the container' },
  'poststop that fails is no failure of the container': { runc: 'leaves out the hooks behind it' },
  'user, group and further groups are those that are given': {
    runc: 'takes no group above 2^31',
  },
  'the scheduler can be SCHED_BATCH': { runc: '1.1 does not know the field' },
  'the scheduler can be SCHED_IDLE': { runc: '1.1 does not know the field' },
  'the scheduler has the nice value that is given': { runc: '1.1 does not know the field' },
  'the priority of i/o can be IOPRIO_CLASS_BE': { runc: '1.1 does not know the field' },
  'the priority of i/o can be IOPRIO_CLASS_IDLE': { runc: '1.1 does not know the field' },
  'the personality can be that of a 32 bit machine': { runc: '1.1 does not know the field' },
  'the clock "boottime" can be ahead': { runc: '1.1 makes no time namespace' },
  'the clock "monotonic" can be ahead': { runc: '1.1 makes no time namespace' },
  "a new time namespace is the container's own": { runc: '1.1 makes no time namespace' },
  'a further program can have one as well': {
    runc: 'takes a console socket only with --detach',
  },
  'the root is unbindable': { runc: 'leaves the root private' },
  'the root can be shared with the host': { runc: 'leaves the root private' },
  'a /dev that is bound from elsewhere stays as it is': {
    runc: 'fails where such a /dev is no device file system',
  },
  'host name and domain name are those that are given': {
    runc: '1.1 does not know the domain name',
  },
  'calls that no rule names get the default, with its number': {
    runc: 'needs further calls itself before it becomes the program',
  },
  'flags of the filter are taken': { runc: '1.1 takes none' },
};
