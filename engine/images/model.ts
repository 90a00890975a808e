/** Images as the engine knows them: OCI image-spec documents, and what the store adds to them. */

/** "sha256:" and 64 hexadecimal digits; only `digest.ts` makes one from foreign text. */
export type Digest = `sha256:${string}`;

/** image-spec descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The `config` object of an image, image-spec config.md with Docker's additions; absent means inherited or none. */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Shell?: readonly string[];
  readonly Healthcheck?: HealthcheckConfig;
}

/** Durations in nanoseconds. */
export interface HealthcheckConfig {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly author?: string;
  readonly empty_layer?: boolean;
}

/** image-spec config.md. The bytes are the identity: an image is never written back from this. */
export interface ImageDocument {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly created?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly config: RunConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  readonly history: readonly HistoryEntry[];
}

/** What the engine adds below the root of a container made from `tscompose.local/host`. Never taken from an archive. */
export interface HostParts {
  /** Host directories that become overlays of their own: ["/usr", "/usr"], and "/bin" … where those are not links. */
  readonly overlays: readonly HostPart[];
  /** Host files and directories bound read-only. */
  readonly binds: readonly HostPart[];
}

export type HostPart = readonly [source: string, target: string];

export interface Image {
  /** Digest of the config document's bytes: Docker's image id. */
  readonly id: Digest;
  readonly manifest: Descriptor;
  /** Canonical names, "docker.io/library/redis:7"; none for a dangling image. */
  readonly names: readonly string[];
  /** Canonical "docker.io/library/redis@sha256:…". */
  readonly repoDigests: readonly string[];
  readonly document: ImageDocument;
  /** chainIDs of the layers, bottom first; the last one names the snapshot of the whole. */
  readonly chain: readonly Digest[];
  /** Bytes of all regular files of all layers. */
  readonly sizeBytes: number;
  /** RFC 3339, when a name was last given here. */
  readonly lastTagTime: string;
  /** Set for the built-in image only. */
  readonly host: HostParts | null;
}

/** The shape of engine/runtime's SandboxMount, for the kinds a root file system needs. */
export interface SnapshotMount {
  readonly kind: 'overlay' | 'bind';
  readonly target: string;
  readonly source: string;
  readonly lowerDirs: readonly string[];
  readonly upperDir: string;
  readonly workDir: string;
  readonly flags: number;
  readonly propagation: number;
  readonly data: string;
  readonly create: 'directory' | 'file' | 'nothing';
}

/** What one archive may ask for; every limit is checked while the bytes pass, never after. */
export interface ArchiveLimits {
  /** Entries of one layer. */
  readonly entries: number;
  /** Bytes of one layer's unpacked tar stream. */
  readonly layerBytes: number;
  /** Bytes of a whole archive given to load or import, as it arrives and after its own decompression. */
  readonly archiveBytes: number;
  /** Memory for the directories of one layer, whose times are set at the end. */
  readonly trackedBytes: number;
  /** Path components of one name. */
  readonly depth: number;
  /** Unpacked : packed, looked at once `ratioFloorBytes` have been unpacked. */
  readonly ratio: number;
  readonly ratioFloorBytes: number;
  /** Bytes of a JSON document of an archive: manifest, index, config. */
  readonly documentBytes: number;
  readonly layers: number;
}

const mebi = 1 << 20;
const gibi = 1 << 30;

/** Above what real images need, below what hurts a host. */
export const defaultLimits: ArchiveLimits = {
  entries: 2_000_000,
  layerBytes: 64 * gibi,
  archiveBytes: 256 * gibi,
  trackedBytes: 64 * mebi,
  depth: 256,
  // gzip packs zeros 1 : 1032. Trees of programs stay below 1 : 20; a floor lets small files of zeros pass.
  ratio: 200,
  ratioFloorBytes: gibi,
  documentBytes: 4 * mebi,
  // overlayfs allows 500 lower layers; 127 is what Docker allows an image to have.
  layers: 127,
};
