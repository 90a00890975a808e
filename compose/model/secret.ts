/** A secret or config at top level. */
export interface FileResource {
  readonly name: string;
  readonly file?: string;
  readonly environment?: string;
  readonly content?: string;
  readonly external?: boolean;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly template_driver?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A secret or config as a service uses it. */
export interface FileReference {
  readonly source: string;
  readonly target?: string;
  readonly uid?: string;
  readonly gid?: string;
  /** Octal, quoted: "0440". */
  readonly mode?: string;
}
