/** Kernel parameters that belong to a namespace of the container; all others would change the host. */
import { EngineError } from '../api/index.ts';

export interface SysctlScope {
  readonly network: 'own' | 'joined' | 'host';
  readonly hasOwnIpc: boolean;
}

export type Sysctl = readonly [path: string, value: string];

/** ipc_namespaces(7), by their paths below /proc/sys. */
const ipcParameters: ReadonlySet<string> = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel/${name}`,
  ),
);

/**
 * In an own network namespace any user may ping and any user may listen on any port: the ports are the container's,
 * so protecting the low ones protects nobody (moby `daemon/oci_linux.go`). ip(7), icmp(7).
 */
const ownNetworkDefaults: readonly Sysctl[] = [
  ['net/ipv4/ip_unprivileged_port_start', '0'],
  ['net/ipv4/ping_group_range', '0 2147483647'],
];

export function chooseSysctls(
  wanted: Readonly<Record<string, string>>,
  scope: SysctlScope,
): readonly Sysctl[] {
  const chosen = new Map<string, string>(scope.network === 'own' ? ownNetworkDefaults : []);
  for (const [name, value] of Object.entries(wanted)) {
    const path = toPath(name);
    checkScope(name, path, scope);
    // A line break would be a second value to whoever writes line by line (CVE-2022-0811).
    if (/[\n\r\0]/.test(value) || value.length > 4096)
      throw new EngineError('invalid-argument', `invalid value of sysctl "${name}"`);
    chosen.set(path, value);
  }
  return [...chosen].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** "net.ipv4.tcp_rmem" or "net/ipv4/conf/eth0.5/rp_filter": the first separator decides, sysctl.d(5). */
function toPath(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  const path = first === '/' ? name : name.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
  const isPath = path.split('/').every((part) => /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(part));
  if (first === undefined || !isPath)
    throw new EngineError('invalid-argument', `invalid sysctl name ${JSON.stringify(name)}`);
  return path;
}

function checkScope(name: string, path: string, scope: SysctlScope): void {
  if (path.startsWith('net/')) {
    if (scope.network !== 'host') return;
    throw new EngineError(
      'invalid-argument',
      `sysctl "${name}" not allowed in host network namespace`,
    );
  }
  if (ipcParameters.has(path) || path.startsWith('fs/mqueue/')) {
    if (scope.hasOwnIpc) return;
    throw new EngineError(
      'invalid-argument',
      `sysctl "${name}" is not allowed in the hosts ipc namespace`,
    );
  }
  throw new EngineError(
    'invalid-argument',
    `sysctl "${name}" is not in a separate kernel namespace`,
  );
}
