/** Whose logs an attached `up` shows, and whose end it waits for. */
import { selectServices, type Project } from '../compose/index.ts';
import { CliError } from './cli-error.ts';
import type { UpRequest } from './up-request.ts';

/** Names of the services whose logs are shown. */
export function attachedServices(project: Project, request: UpRequest): ReadonlySet<string> {
  const { attach = [], noAttach = [], attachDependencies } = request;
  checkExitCodeFrom(project, request);
  const started = startedServices(project, request);
  const unknown = attach.filter((name) => !started.has(name));
  if (unknown.length > 0) {
    throw new CliError(`cannot attach to services not included in up: ${unknown.join(', ')}`);
  }
  const named = attachDependencies === true ? started : monitoredServices(project, request);
  const willing = [...named].filter((name) => {
    const service = project.services[name];
    return service?.attach !== false && service?.provider === undefined;
  });
  const chosen = new Set(attach.length > 0 ? attach : willing);
  for (const name of noAttach) chosen.delete(name);
  return chosen;
}

/** Names of the services whose containers keep `up` from ending: those that were asked for. */
export function monitoredServices(
  project: Project,
  { services = [] }: UpRequest,
): ReadonlySet<string> {
  const named = services.length > 0 ? services : Object.keys(project.services);
  return new Set(named.filter((name) => project.services[name]?.provider === undefined));
}

function startedServices(
  project: Project,
  { services = [], noDeps }: UpRequest,
): ReadonlySet<string> {
  return new Set(selectServices(project, services, { withDependencies: noDeps !== true }));
}

function checkExitCodeFrom(project: Project, { exitCodeFrom }: UpRequest): void {
  if (exitCodeFrom === undefined || Object.hasOwn(project.services, exitCodeFrom)) return;
  throw new CliError(`no such service: ${exitCodeFrom}`, {
    hint: `services: ${Object.keys(project.services).join(', ')}`,
  });
}
