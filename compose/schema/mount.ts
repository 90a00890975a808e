import { Type, type TSchema } from 'typebox';
import {
  boolOrString,
  either,
  listOf,
  numberOrString,
  object,
  oneOf,
  shared,
  string,
} from './shapes.ts';

/** services.*.volumes. */
export const mounts: TSchema = listOf(
  either(
    string,
    object(
      {
        bind: object({
          create_host_path: boolOrString,
          propagation: string,
          recursive: oneOf('enabled', 'disabled', 'writable', 'readonly'),
          selinux: oneOf('z', 'Z'),
        }),
        consistency: string,
        image: object({ subpath: string }),
        read_only: boolOrString,
        source: string,
        target: string,
        tmpfs: object({ mode: numberOrString, size: either(Type.Integer({ minimum: 0 }), string) }),
        type: oneOf('bind', 'volume', 'tmpfs', 'cluster', 'npipe', 'image'),
        volume: object({ labels: shared('labels'), nocopy: boolOrString, subpath: string }),
      },
      ['type'],
    ),
  ),
);

/** services.*.devices. */
export const devices: TSchema = listOf(
  either(string, object({ permissions: string, source: string, target: string }, ['source'])),
);
