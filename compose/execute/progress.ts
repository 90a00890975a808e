/** What became of one resource: enough to draw a line per resource, in any renderer. */
export type ProgressStatus =
  | 'creating'
  | 'created'
  | 'starting'
  | 'started'
  | 'running'
  | 'waiting'
  | 'healthy'
  | 'exited'
  | 'recreating'
  | 'recreated'
  | 'stopping'
  | 'stopped'
  | 'removing'
  | 'removed'
  | 'restarting'
  | 'killing'
  | 'killed'
  | 'paused'
  | 'unpaused'
  | 'in-use'
  | 'error';

export type ProgressResource = 'container' | 'network' | 'volume' | 'image';

export interface ProgressEvent {
  readonly resource: ProgressResource;
  readonly name: string;
  readonly status: ProgressStatus;
  /** Containers only, once known. */
  readonly id?: string;
  readonly service?: string;
  readonly message?: string;
}

/** Of a container whose id is known, without its status. */
export function containerEvent({
  id,
  name,
  service,
}: {
  readonly id: string;
  readonly name: string;
  readonly service: string | null;
}): Omit<ProgressEvent, 'status'> {
  return { resource: 'container', name, id, ...(service !== null && { service }) };
}

export type OnProgress = (event: ProgressEvent) => void;
