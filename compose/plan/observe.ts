import type {
  ContainerSummary,
  ImageSummary,
  NetworkInspect,
  Volume,
} from '../../engine/api/index.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

/** The reads that observing needs. */
export interface ObservePort {
  readonly containers: {
    list(options?: {
      readonly all?: boolean;
      readonly filters?: Filters;
      readonly signal?: AbortSignal | undefined;
    }): Promise<readonly ContainerSummary[]>;
  };
  readonly networks: {
    list(options?: {
      readonly filters?: Filters;
      readonly signal?: AbortSignal | undefined;
    }): Promise<readonly NetworkInspect[]>;
  };
  readonly volumes: {
    list(options?: {
      readonly filters?: Filters;
      readonly signal?: AbortSignal | undefined;
    }): Promise<readonly Volume[]>;
  };
  readonly images: {
    list(options?: {
      readonly filters?: Filters;
      readonly signal?: AbortSignal | undefined;
    }): Promise<readonly ImageSummary[]>;
  };
}
