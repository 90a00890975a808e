/** Modes of namespaces, and what does not go together with them, in Docker's words. */
import type { ContainerCreateRequest, HostConfig } from '../api/index.ts';
import { sharedWith } from './joined.ts';

type Check = readonly [isWrong: boolean, message: string];

export function namespaceProblems(request: ContainerCreateRequest): readonly string[] {
  const { HostConfig: host = {} } = request;
  const checks = [...modeChecks(host), ...nameChecks(request, host), ...networkChecks(request)];
  return checks.filter(([isWrong]) => isWrong).map(([, message]) => message);
}

function modeChecks({
  PidMode = '',
  IpcMode = '',
  UTSMode = '',
  UsernsMode = '',
  CgroupnsMode = '',
}: HostConfig): readonly Check[] {
  const ipcModes = ['', 'private', 'shareable', 'none', 'host'];
  return [
    [!isMode(PidMode, ['', 'private', 'host']), `invalid PID mode: ${PidMode}`],
    [!isMode(IpcMode, ipcModes), `invalid IPC mode: ${IpcMode}`],
    [!['', 'private', 'host'].includes(UTSMode), `invalid UTS mode: ${UTSMode}`],
    [!['', 'host'].includes(UsernsMode), `invalid user namespace mode: ${UsernsMode}`],
    [
      !['', 'private', 'host'].includes(CgroupnsMode),
      `invalid cgroup namespace mode: ${CgroupnsMode}`,
    ],
  ];
}

function isMode(mode: string, modes: readonly string[]): boolean {
  const other = sharedWith(mode);
  return other === null ? modes.includes(mode) : other !== '';
}

function nameChecks({ Hostname = '' }: ContainerCreateRequest, host: HostConfig): readonly Check[] {
  return [
    [host.UTSMode === 'host' && Hostname !== '', 'conflicting options: hostname and the UTS mode'],
    [
      host.NetworkMode === 'host' && (host.Links ?? []).length > 0,
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    ],
  ];
}

/** What belongs to a network cannot be asked for by who is a guest on it. */
function networkChecks(request: ContainerCreateRequest): readonly Check[] {
  const { HostConfig: host = {}, Hostname = '', ExposedPorts = {} } = request;
  const other = sharedWith(host.NetworkMode);
  if (other === null) return [];
  const has = (list: readonly unknown[] | null | undefined): boolean => (list ?? []).length > 0;
  const conflict = (what: string, mode = 'network mode'): string =>
    `conflicting options: ${what} and the ${mode}`;
  return [
    [other === '', 'invalid network mode: invalid container format container:<name|id>'],
    [Hostname !== '', conflict('hostname')],
    [
      has(host.Links),
      "conflicting options: container type network can't be used with links. This would result in undefined behavior",
    ],
    [has(host.Dns), conflict('dns')],
    [has(host.ExtraHosts), conflict('custom host-to-IP mapping')],
    [
      has(Object.keys(host.PortBindings ?? {})) || host.PublishAllPorts === true,
      conflict('port publishing', 'container type network mode'),
    ],
    [has(Object.keys(ExposedPorts)), conflict('port exposing', 'container type network mode')],
  ];
}
