/** Who holds a published port, in the words of who wrote the compose file. */
import { EngineError } from '../api/index.ts';
import type { Containers } from './containers.ts';

const projectLabel = 'com.docker.compose.project';
const serviceLabel = 'com.docker.compose.service';

/** The same refusal; where a container of a project holds the port, it names project and service. */
export function withPortHolder(refused: EngineError, containers: Containers): EngineError {
  const holder = containers.get(refused.details?.['holderId'] ?? '');
  const labels = holder?.record.config.Labels ?? {};
  const project = labels[projectLabel];
  const service = labels[serviceLabel];
  if (holder === undefined || project === undefined || service === undefined) return refused;
  const name = `container "${holder.name}"`;
  return new EngineError(refused.kind, refused.message, {
    hint: (refused.hint ?? '').replace(
      name,
      `service "${service}" of project "${project}" (${name})`,
    ),
    details: { ...refused.details, holderProject: project, holderService: service },
    cause: refused.cause,
  });
}
