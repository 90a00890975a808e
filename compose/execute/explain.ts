import { EngineError } from '../../engine/api/index.ts';
import { ComposeError, type ComposeErrorCode } from '../errors.ts';
import type { Project } from '../model/project.ts';
import type { Service } from '../model/service.ts';
import type { Action } from '../plan/action.ts';
import { errorAt } from '../positions.ts';
import { blamedPath } from './blame.ts';

type Path = readonly (string | number)[];

/** What an engine refused, at the line of the compose file that asked for it. */
export function explain(error: unknown, action: Action, project: Project | null): unknown {
  if (error instanceof ComposeError && action.kind === 'runInit') {
    return errorAt(project, [error.code, error.message], {
      path: action.path,
      hint: `its container "${action.name}" is kept for a look at it, until the next up or down`,
    });
  }
  if (error instanceof ComposeError || !(error instanceof EngineError)) return error;
  const [code, path] = placeOf(error, action, project);
  return errorAt(project, [code, error.message], {
    path,
    hint: error.hint,
    cause: error.cause ?? undefined,
  });
}

type Place = readonly [ComposeErrorCode, Path];

/** Failures of the engine itself: no line of the file is to blame for them. */
function isOwnFault({ kind }: EngineError): boolean {
  return kind === 'internal' || kind === 'unavailable';
}

function placeOf(error: EngineError, action: Action, project: Project | null): Place {
  switch (action.kind) {
    case 'createNetwork':
      return ['engine-refused', isOwnFault(error) ? [] : ['networks', action.key]];
    case 'createVolume':
      return ['engine-refused', isOwnFault(error) ? [] : ['volumes', action.key]];
    case 'removeNetwork':
    case 'removeVolume':
    case 'removeImage':
    case 'killContainer':
    case 'pauseContainer':
    case 'unpauseContainer':
      return ['engine-refused', []];
    case 'createContainer':
    case 'startContainer':
    case 'writeFiles':
    case 'runHook':
    case 'runInit':
    case 'restartContainer':
    case 'stopContainer':
    case 'removeContainer':
    case 'renameContainer':
      return containerPlace(error, action.service, project);
  }
}

function containerPlace(error: EngineError, name: string | null, project: Project | null): Place {
  const service = name === null ? undefined : project?.services[name];
  if (name === null || service === undefined) return ['engine-refused', []];
  const path = ['services', name];
  const port = portIndex(error, service);
  if (port !== null) return ['port-in-use', [...path, 'ports', port]];
  const { image, target } = error.details ?? {};
  if (image !== undefined && error.kind === 'not-found')
    return ['missing-image', [...path, 'image']];
  const mount = service.volumes?.findIndex((volume) => volume.target === target) ?? -1;
  if (target !== undefined && mount !== -1) return ['engine-refused', [...path, 'volumes', mount]];
  if (isOwnFault(error)) return ['engine-refused', []];
  const file = filePath(error.message, service, project);
  if (file !== null) return ['file-not-found', file];
  return ['engine-refused', [...path, ...(blamedPath(error.message, service) ?? [])]];
}

/** Where a secret or config names the file that an engine does not find. */
function filePath(message: string, service: Service, project: Project | null): Path | null {
  if (!message.includes('bind source path does not exist')) return null;
  for (const kind of ['secrets', 'configs'] as const) {
    for (const { source } of service[kind] ?? []) {
      const file = project?.[kind][source]?.file;
      if (file !== undefined && message.endsWith(`: ${file}`)) return [kind, source, 'file'];
    }
  }
  return null;
}

/** The ports entry that asks for what somebody else holds; null when the failure is about something else. */
function portIndex(error: EngineError, { ports = [] }: Service): number | null {
  const held = heldPort(error);
  if (held === null || ports.length === 0) return null;
  const index = ports.findIndex(({ published, protocol = 'tcp' }) => {
    const [first = 0, last = first] = (published ?? '').split('-').map(Number);
    return protocol === held.protocol && first <= held.port && held.port <= last;
  });
  return index === -1 ? null : index;
}

function heldPort({
  details,
  message,
}: EngineError): { readonly port: number; readonly protocol: string } | null {
  if (details?.['port'] !== undefined && (details['code'] ?? 'port-in-use') === 'port-in-use') {
    return { port: Number(details['port']), protocol: details['protocol'] ?? 'tcp' };
  }
  // dockerd: "Bind for 0.0.0.0:8080 failed: port is already allocated", "listen tcp4 0.0.0.0:80: bind: …".
  const match =
    /(?:Bind for|exposing port (tcp|udp)|listen (tcp|udp)[46]?) \S*?:(\d+)(?=[ :]).*(?:allocated|in use)/.exec(
      message,
    );
  if (match === null) return null;
  return { port: Number(match[3]), protocol: match[1] ?? match[2] ?? 'tcp' };
}
