import type { device, mount } from '../schema/mount.ts';
import type { Canonical } from '../schema/shapes.ts';

export type ServiceMount = Canonical<typeof mount>;

export type MountKind = ServiceMount['type'];

export type DeviceMapping = Canonical<typeof device>;
