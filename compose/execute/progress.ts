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

export type OnProgress = (event: ProgressEvent) => void;
