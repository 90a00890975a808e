/** What `up` and `create` can be told beyond the project. */
export interface ReconcileOptions {
  /** Only these, with what they depend on. */
  readonly services?: readonly string[];
  /** Without what they depend on. */
  readonly noDeps?: boolean;
  /** Service → number of replicas, instead of the file's. */
  readonly scale?: Readonly<Record<string, number>>;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly removeOrphans?: boolean;
  /** Say nothing of orphans. */
  readonly ignoreOrphans?: boolean;
  /** Create only. */
  readonly noStart?: boolean;
  readonly renewAnonymousVolumes?: boolean;
  /** Grace for what has to be stopped; absent is each container's own. */
  readonly timeoutSeconds?: number;
}
