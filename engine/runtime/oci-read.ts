/** The text of a bundle's config.json → what it says, checked field by field. Nothing is decided here. */
import { EngineError } from '../api/index.ts';
import { ociNamespaceTypes } from './oci-config.ts';
import type * as oci from './oci-config.ts';
import {
  flag,
  id32,
  integer,
  integer64,
  integerBetween,
  list,
  map,
  object,
  oneOf,
  parseExactJson,
  refuse,
  text,
} from './oci-fields.ts';
import type { Reader } from './oci-fields.ts';
import { readResources } from './oci-read-resources.ts';

/** As long as a container's record may sensibly be. */
const longestConfig = 8 << 20;

export function readOciConfig(json: string): oci.OciConfig {
  if (json.length > longestConfig) {
    throw new EngineError('invalid-argument', `config.json has more than ${longestConfig} bytes`);
  }
  return readConfig(parseExactJson(json, 'config.json'), '');
}

/** Of `exec --process`. */
export function readOciProcess(json: string): oci.OciProcess {
  return readProcess(parseExactJson(json, 'the process'), 'process');
}

/** Semantic Versioning 2.0.0; a runtime works with every 1.x (config.md, "Specification version"). */
const version: Reader<string> = (value, field) => {
  const found = text(value, field);
  const match = /^(\d+)\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?$/.exec(found);
  if (match === null) return refuse(field, `"${found}" is no version`);
  if (match[1] !== '1') refuse(field, `"${found}" is not a version 1 that this runtime knows`);
  return found;
};

const absolutePath: Reader<string> = (value, field) => {
  const path = text(value, field);
  if (!path.startsWith('/')) refuse(field, `"${path}" is no absolute path`);
  return path;
};

const number32 = integerBetween(-(2 ** 31), 2 ** 32 - 1);

const readIdMapping = object<oci.OciIdMapping>({
  required: { containerID: id32, hostID: id32, size: integerBetween(0, 2 ** 32 - 1) },
  optional: {},
});

const readMount = object<oci.OciMount>({
  required: { destination: text },
  optional: {
    type: text,
    source: text,
    options: list(text),
    uidMappings: list(readIdMapping),
    gidMappings: list(readIdMapping),
  },
});

const variable: Reader<string> = (value, field) => {
  const found = text(value, field);
  if (!/^[^=]+=/.test(found)) refuse(field, `"${found}" is no NAME=VALUE`);
  return found;
};

const readUser = object<oci.OciUser>({
  required: { uid: id32, gid: id32 },
  optional: { umask: integerBetween(0, 0o777), additionalGids: list(id32) },
});

const readCapabilities = object<oci.OciCapabilities>({
  required: {},
  optional: {
    bounding: list(text),
    effective: list(text),
    permitted: list(text),
    inheritable: list(text),
    ambient: list(text),
  },
});

const readRlimit = object<oci.OciRlimit>({
  required: { type: text, soft: integer64, hard: integer64 },
  optional: {},
});

const readScheduler = object<oci.OciScheduler>({
  required: { policy: text },
  optional: {
    nice: integerBetween(-20, 19),
    priority: integerBetween(-(2 ** 31), 2 ** 31 - 1),
    flags: list(text),
    runtime: integer,
    deadline: integer,
    period: integer,
  },
});

const readProcess: Reader<oci.OciProcess> = object<oci.OciProcess>({
  required: { cwd: absolutePath },
  optional: {
    terminal: flag,
    consoleSize: object<oci.OciConsoleSize>({
      required: { height: integerBetween(0, 0xffff), width: integerBetween(0, 0xffff) },
      optional: {},
    }),
    user: readUser,
    args: list(text),
    env: list(variable),
    capabilities: readCapabilities,
    rlimits: list(readRlimit),
    noNewPrivileges: flag,
    apparmorProfile: text,
    selinuxLabel: text,
    oomScoreAdj: integerBetween(-1000, 1000),
    scheduler: readScheduler,
    ioPriority: object<oci.OciIoPriority>({
      required: { class: text, priority: integerBetween(0, 7) },
      optional: {},
    }),
    execCPUAffinity: object<oci.OciCpuAffinity>({
      required: {},
      optional: { initial: text, final: text },
    }),
  },
});

const readHook = object<oci.OciHook>({
  required: { path: absolutePath },
  optional: { args: list(text), env: list(variable), timeout: integerBetween(1, 2 ** 31 / 1000) },
});

const readHooks = object<oci.OciHooks>({
  required: {},
  optional: {
    prestart: list(readHook),
    createRuntime: list(readHook),
    createContainer: list(readHook),
    startContainer: list(readHook),
    poststart: list(readHook),
    poststop: list(readHook),
  },
});

const readDevice = object<oci.OciDevice>({
  required: { type: oneOf(['c', 'b', 'u', 'p']), path: absolutePath },
  optional: {
    major: integerBetween(0, 0xfffff_fff),
    minor: integerBetween(0, 0xfffff_fff),
    fileMode: integerBetween(0, 2 ** 32 - 1),
    uid: id32,
    gid: id32,
  },
});

const readSyscall = object<oci.OciSyscall>({
  required: { names: list(text), action: text },
  optional: {
    errnoRet: integerBetween(0, 0xffff),
    args: list(
      object<oci.OciSyscallArgument>({
        required: { index: integer, value: integer64, op: text },
        optional: { valueTwo: integer64 },
      }),
    ),
  },
});

const readSeccomp = object<oci.OciSeccomp>({
  required: { defaultAction: text },
  optional: {
    defaultErrnoRet: integerBetween(0, 0xffff),
    architectures: list(text),
    flags: list(text),
    listenerPath: text,
    listenerMetadata: text,
    syscalls: list(readSyscall),
  },
});

const readLinux = object<oci.OciLinux>({
  required: {},
  optional: {
    uidMappings: list(readIdMapping),
    gidMappings: list(readIdMapping),
    sysctl: map(text),
    resources: readResources,
    cgroupsPath: text,
    namespaces: list(
      object<oci.OciNamespace>({
        required: { type: oneOf(ociNamespaceTypes) },
        optional: { path: text },
      }),
    ),
    devices: list(readDevice),
    seccomp: readSeccomp,
    rootfsPropagation: text,
    maskedPaths: list(absolutePath),
    readonlyPaths: list(absolutePath),
    mountLabel: text,
    intelRdt: map((value) => value),
    personality: object<oci.OciPersonality>({
      required: { domain: text },
      optional: { flags: list(text) },
    }),
    timeOffsets: map(
      object<oci.OciTimeOffset>({
        required: {},
        optional: { secs: integer, nanosecs: number32 },
      }),
    ),
  },
});

const readConfig = object<oci.OciConfig>({
  required: { ociVersion: version },
  optional: {
    process: readProcess,
    root: object<oci.OciRoot>({ required: { path: text }, optional: { readonly: flag } }),
    hostname: text,
    domainname: text,
    mounts: list(readMount),
    hooks: readHooks,
    annotations: map(text),
    linux: readLinux,
  },
});
