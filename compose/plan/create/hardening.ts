/**
 * `x-tscompose` on a service or the whole file; the nearest counts:
 *
 *   security: strict     no MKNOD, NET_RAW and AUDIT_WRITE, no new privileges, 4096 processes; what the service says
 *                        itself of any of these goes before
 *   security: docker     as with Docker, which is the default
 *   core-sched: true     shares the hardware threads of a core with nobody else
 */
import type { HostConfig } from '../../../engine/api/index.ts';
import type { Project } from '../../model/project.ts';
import type { Service } from '../../model/service.ts';
import { errorAt } from '../../positions.ts';
import { nearest, wrongValue, writtenIn, type Holder } from '../extension.ts';

const security = 'security';
const coreScheduling = 'core-sched';
const annotation = 'tscompose.core-sched';

/** Of Docker's fourteen, those that Podman leaves out as well. */
const dropped = ['AUDIT_WRITE', 'MKNOD', 'NET_RAW'];
const mostProcesses = 4096;

export interface HardenedService {
  readonly project: Project;
  readonly serviceName: string;
  readonly service: Service;
}

/** `host` with what `security: strict` adds. Throws ComposeError for a value that is none. */
export function hardened(about: HardenedService, host: HostConfig): HostConfig {
  if (!isStrict(about)) return host;
  const { project, serviceName, service } = about;
  if (service.privileged === true) {
    const message = `service "${serviceName}" is privileged, which \`security: strict\` rules out`;
    throw errorAt(project, ['conflicting-attributes', message], {
      path: ['services', serviceName, 'privileged'],
      hint: 'remove privileged, or write `x-tscompose: { security: docker }` for this service',
    });
  }
  const options = host.SecurityOpt ?? [];
  const saysPrivileges = options.some((option) => /^no-new-privileges([=:]|$)/.test(option));
  const capabilities = capabilitiesDropped(service);
  return {
    ...host,
    ...(capabilities.length > 0 && { CapDrop: [...(host.CapDrop ?? []), ...capabilities] }),
    ...(!saysPrivileges && { SecurityOpt: [...options, 'no-new-privileges=true'] }),
    ...(host.PidsLimit === undefined && { PidsLimit: mostProcesses }),
  };
}

/** As annotations. */
export function coreSchedulingAsked(about: HardenedService): Readonly<Record<string, string>> {
  const found = nearest(placesOf(about), coreScheduling);
  if (found === null || found.value === 'false') return {};
  if (found.value === 'true') return { [annotation]: 'true' };
  const hint = 'write true or false';
  throw wrongValue(about.project, found, { attribute: coreScheduling, hint });
}

/** For the hash of a service; empty where nothing is said. */
export function hardeningWritten(
  service: Service,
  { extensions }: Pick<Project, 'extensions'>,
): readonly (string | null)[] {
  const written = [security, coreScheduling].flatMap((attribute) =>
    [extensions, service].map((holder) => writtenIn(holder, attribute)),
  );
  return written.every((value) => value === null) ? [] : ['hardening', ...written];
}

function isStrict(about: HardenedService): boolean {
  const found = nearest(placesOf(about), security);
  if (found === null || found.value === 'docker') return false;
  if (found.value === 'strict') return true;
  const hint = 'write strict or docker';
  throw wrongValue(about.project, found, { attribute: security, hint });
}

function placesOf({ project, serviceName, service }: HardenedService): readonly Holder[] {
  return [
    { holder: service, path: ['services', serviceName] },
    { holder: project.extensions, path: [] },
  ];
}

function capabilitiesDropped({ cap_add = [], cap_drop = [] }: Service): readonly string[] {
  const said = new Set([...cap_add, ...cap_drop].map(nameOf));
  return said.has('ALL') ? [] : dropped.filter((name) => !said.has(name));
}

function nameOf(capability: string): string {
  return capability.toUpperCase().replace(/^CAP_/, '');
}
