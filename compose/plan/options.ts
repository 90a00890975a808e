/** What `up` and `create` can be told beyond the project. */
export interface ReconcileOptions {
  /** Only these, with what they depend on. */
  readonly services?: readonly string[];
  /** Without what they depend on. */
  readonly noDeps?: boolean;
  /** Service → number of replicas, instead of the file's. */
  readonly scale?: Readonly<Record<string, number>>;
  /** Of the named services, or of all where none is named. */
  readonly forceRecreate?: boolean;
  /** What the named services depend on is recreated even when it has not changed. */
  readonly alwaysRecreateDeps?: boolean;
  readonly noRecreate?: boolean;
  readonly removeOrphans?: boolean;
  /** Say nothing of orphans. */
  readonly ignoreOrphans?: boolean;
  /** Create only. */
  readonly noStart?: boolean;
  readonly renewAnonymousVolumes?: boolean;
  /** Keys of volumes that differ from the file and are made anew, without their data. */
  readonly recreateVolumes?: readonly string[];
  /** Images are built before anything is created. */
  readonly build?: boolean;
  /** In place of each service's pull_policy. */
  readonly pull?: PullChoice;
  /** Grace for what has to be stopped; absent is each container's own. */
  readonly timeoutSeconds?: number;
}

export type PullChoice = 'always' | 'missing' | 'never' | 'build';
