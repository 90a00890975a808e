/** `linux.resources` of a configuration, and the file of `update --resources`; config-linux.md, "Control groups". */
import type * as oci from './oci-config.ts';
import {
  flag,
  integer,
  integerBetween,
  list,
  map,
  object,
  oneOf,
  parseExactJson,
  text,
} from './oci-fields.ts';
import type { Reader } from './oci-fields.ts';

const deviceNumber = integerBetween(-1, 2 ** 32 - 1);

const readRule = object<oci.OciDeviceRule>({
  required: { allow: flag },
  optional: {
    type: oneOf(['a', 'b', 'c']),
    major: deviceNumber,
    minor: deviceNumber,
    access: (value, field) => {
      const access = text(value, field);
      if (!/^[rwm]{1,3}$/.test(access)) return oneOf(['r', 'w', 'm', 'rwm'])(access, field);
      return access;
    },
  },
});

const readMemory = object<oci.OciMemory>({
  required: {},
  optional: {
    limit: integer,
    reservation: integer,
    swap: integer,
    kernel: integer,
    kernelTCP: integer,
    swappiness: integerBetween(0, 100),
    disableOOMKiller: flag,
    useHierarchy: flag,
    checkBeforeUpdate: flag,
  },
});

const readCpu = object<oci.OciCpu>({
  required: {},
  optional: {
    shares: integer,
    quota: integer,
    burst: integer,
    period: integer,
    realtimeRuntime: integer,
    realtimePeriod: integer,
    cpus: text,
    mems: text,
    idle: integer,
  },
});

const weight = integerBetween(0, 1000);

const readWeightDevice = object<oci.OciWeightDevice>({
  required: { major: deviceNumber, minor: deviceNumber },
  optional: { weight, leafWeight: weight },
});

const readThrottle = list(
  object<oci.OciThrottleDevice>({
    required: { major: deviceNumber, minor: deviceNumber, rate: integer },
    optional: {},
  }),
);

const readBlockIo = object<oci.OciBlockIo>({
  required: {},
  optional: {
    weight,
    leafWeight: weight,
    weightDevice: list(readWeightDevice),
    throttleReadBpsDevice: readThrottle,
    throttleWriteBpsDevice: readThrottle,
    throttleReadIOPSDevice: readThrottle,
    throttleWriteIOPSDevice: readThrottle,
  },
});

export const readResources: Reader<oci.OciResources> = object<oci.OciResources>({
  required: {},
  optional: {
    devices: list(readRule),
    memory: readMemory,
    cpu: readCpu,
    pids: object<{ limit?: number }>({ required: {}, optional: { limit: integer } }),
    blockIO: readBlockIo,
    hugepageLimits: list(
      object<{ pageSize: string; limit: number }>({
        required: { pageSize: text, limit: integer },
        optional: {},
      }),
    ),
    network: object<NonNullable<oci.OciResources['network']>>({
      required: {},
      optional: {
        classID: integer,
        priorities: list(
          object<{ name: string; priority: number }>({
            required: { name: text, priority: integer },
            optional: {},
          }),
        ),
      },
    }),
    rdma: map(
      object<{ hcaHandles?: number; hcaObjects?: number }>({
        required: {},
        optional: { hcaHandles: integer, hcaObjects: integer },
      }),
    ),
    unified: map(text),
  },
});

export function readOciResources(json: string): oci.OciResources {
  return readResources(parseExactJson(json, 'the resources'), 'resources');
}
