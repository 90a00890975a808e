/** Volumes as stored and mounts as asked for, in their one canonical form. */

export interface Volume {
  readonly name: string;
  readonly driver: 'local';
  /** Directory that holds the content. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly driverOptions: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Made for a mount that named none; `down -v` and `--rm` may take it away with its container. */
  readonly isAnonymous: boolean;
}

export interface VolumeRequest {
  /** Left out: an anonymous volume with a random name of 64 hexadecimal digits. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** mount_namespaces(7). */
export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

export interface VolumeMount {
  readonly kind: 'volume';
  /** Empty: anonymous. */
  readonly name: string;
  readonly target: string;
  readonly isReadonly: boolean;
  /** The image's content at the target is not taken over into an empty volume. */
  readonly hasNoCopy: boolean;
  /** Directory below the volume that is mounted instead of its top; empty is the top. */
  readonly subpath: string;
  readonly driver: string;
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The options as they were written, of the notations that have them in one text. */
  readonly mode?: string;
}

export interface BindMount {
  readonly kind: 'bind';
  /** Absolute host path. */
  readonly source: string;
  readonly target: string;
  readonly isReadonly: boolean;
  readonly isRecursive: boolean;
  /** What is mounted below the source stays writable in a read-only mount. */
  readonly isReadonlyTop?: boolean;
  readonly propagation: Propagation;
  /** Whose the files are on the host that are root's in the container. */
  readonly owner?: Owner;
  /** The source is a file that every start copies, with this owner and mode. */
  readonly file?: Owner & { readonly mode: number };
  /** A missing source becomes a directory (the string form does that, the object form only when asked). */
  readonly createsSource: boolean;
  /** The options as they were written, of the notations that have them in one text. */
  readonly mode?: string;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The files of an image, for reading only. */
export interface ImageMount {
  readonly kind: 'image';
  /** Reference as asked for. */
  readonly source: string;
  readonly target: string;
  /** Directory or file of the image; empty is all of it. */
  readonly subpath: string;
  readonly isReadonly: true;
  /** What the reference named when the container was made; empty until then. */
  readonly imageId: string;
}

export interface TmpfsMount {
  readonly kind: 'tmpfs';
  readonly target: string;
  readonly isReadonly: boolean;
  /** Null: the kernel's default, half of the memory. */
  readonly sizeBytes: number | null;
  /** Permission bits of its top directory. */
  readonly mode: number;
  /** Further tmpfs options and mount flags as the user wrote them, checked: ["noexec", "nr_inodes=1k"]. */
  readonly options: readonly string[];
}

export type MountRequest = VolumeMount | BindMount | TmpfsMount | ImageMount;

/** The shape of engine/runtime's SandboxMount for these kinds; `owner` becomes a user namespace at each start. */
export interface ResolvedMount {
  readonly kind: 'bind' | 'tmpfs' | 'overlay';
  readonly target: string;
  readonly source: string;
  readonly subpath: string;
  readonly lowerDirs: readonly string[];
  readonly upperDir: string;
  readonly workDir: string;
  readonly flags: number;
  readonly isReadonlyTop: boolean;
  readonly owner: Owner | null;
  readonly propagation: number;
  readonly data: string;
  readonly create: 'directory' | 'file' | 'nothing';
}
