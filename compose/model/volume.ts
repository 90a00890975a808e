export interface VolumeResource {
  /** The name on the engine: `<project>_<key>` unless the user gave one. */
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly external?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}
