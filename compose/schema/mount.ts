import { labels } from './definitions.ts';
import {
  become,
  either,
  filled,
  flag,
  integer,
  limited,
  listOf,
  numeric,
  object,
  oneOf,
  optional,
  required,
  string,
  withShort,
} from './shapes.ts';

/** services.*.volumes[]. */
export const mount = object({
  bind: optional(
    'For type bind.',
    object({
      create_host_path: optional('Make the source as a directory where it is missing.', flag, {
        default: true,
      }),
      propagation: optional(
        'Whether mounts below pass between host and container: rprivate, rshared, rslave and the like.',
        string,
        { default: 'rprivate' },
      ),
      recursive: optional(
        'What happens to mounts below the source: whether they come along, and writable or not.',
        oneOf('enabled', 'disabled', 'writable', 'readonly'),
      ),
      selinux: optional(
        'New SELinux label: "z" for files that several containers share, "Z" for one.',
        oneOf('z', 'Z'),
      ),
    }),
  ),
  consistency: optional('Of old for macOS; it changes nothing.', string),
  image: optional(
    'For type image.',
    object({
      subpath: optional('Directory of the image to mount; without it, all of it.', string),
    }),
  ),
  read_only: optional('Nobody in the container can write.', flag, { default: false }),
  source: optional(
    'Path of the host, volume of the project or image; absent for a volume without a name.',
    string,
  ),
  target: filled('Where it is in the container.', string, { examples: ['/data'] }),
  tmpfs: optional(
    'For type tmpfs.',
    object({
      mode: optional('Permissions of the directory, in octal.', numeric, { examples: ['1777'] }),
      size: optional(
        'How much it can hold.',
        become<string>(either(limited(integer, { minimum: 0 }), string)),
        {
          examples: ['64m'],
        },
      ),
    }),
  ),
  type: required(
    'What is mounted: a path of the host, a volume, memory, or the files of an image.',
    oneOf('bind', 'volume', 'tmpfs', 'cluster', 'npipe', 'image'),
  ),
  volume: optional(
    'For type volume.',
    object({
      labels: optional('Labels of a volume without a name.', labels),
      nocopy: optional('Leave an empty volume empty instead of filling it from the image.', flag, {
        default: false,
      }),
      subpath: optional('Directory of the volume to mount; it must exist.', string),
    }),
  ),
});

/** services.*.volumes. */
export const mounts = listOf(withShort(mount, string));

/** services.*.devices[]. */
export const device = object({
  permissions: optional(
    'What the container may do: some of r (read), w (write) and m (mknod).',
    string,
    { default: 'rwm' },
  ),
  source: required('Device of the host, or a CDI name.', string, { examples: ['/dev/ttyUSB0'] }),
  target: optional('Its path in the container; without it, as on the host.', string),
});

/** services.*.devices. */
export const devices = listOf(withShort(device, string));
