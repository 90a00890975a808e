import { labels } from '../labels.ts';
import type { Project } from '../model/project.ts';
import type { ContainerTarget } from './action.ts';
import type { Observed, ObservedContainer } from './observed.ts';

/** Which of the containers that exist a command is about. */
export interface ExistingScope {
  /** Where there is one: containers of services that it does not have are left alone. */
  readonly project?: Project;
  /** Only these. */
  readonly services?: readonly string[];
}

/** What the label says of one dependency. */
export interface LabelledDependency {
  readonly service: string;
  readonly condition: string;
  /** Whether a restart of the dependency restarts the dependent. */
  readonly restart: boolean;
}

/** Replicas of the services; what `run` made is nobody's replica. */
export function replicasOf(
  observed: Observed,
  { project, services }: ExistingScope,
): ObservedContainer[] {
  const wanted = services !== undefined && services.length > 0 ? new Set(services) : null;
  return observed.containers.filter(({ service, isOneOff }) => {
    if (service === null || isOneOff) return false;
    if (wanted !== null) return wanted.has(service);
    return project === undefined || isOfProject(project, service);
  });
}

/** Also when its profile is not active: its containers are no orphans. */
export function isOfProject(project: Project, service: string): boolean {
  return (
    Object.hasOwn(project.services, service) || Object.hasOwn(project.disabledServices, service)
  );
}

export function targetOf({ name, service, id }: ObservedContainer): ContainerTarget {
  return { name, service, ref: id };
}

export function isUp({ status }: ObservedContainer): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting';
}

/** By an update that has not come to its end. */
export function isSetAside({ name }: Pick<ObservedContainer, 'name'>): boolean {
  return /^[0-9a-f]{12}_.*_replaced$/.test(name);
}

/** Under which what is replaced waits for its removal. */
export function asideName({ id, name }: ObservedContainer): string {
  return `${id.slice(0, 12)}_${name}_replaced`;
}

/** Read from the container, so that no file is needed: `db:service_healthy:true,cache:service_started:false`. */
export function labelledDependencies({ labels: own }: ObservedContainer): LabelledDependency[] {
  const entries = (own[labels.dependsOn] ?? '').split(',').filter((entry) => entry !== '');
  return entries.map((entry) => {
    const [service = '', condition = 'service_started', restart = 'false'] = entry.split(':');
    return { service, condition, restart: restart === 'true' };
  });
}
