/** `linux.devices` and `linux.resources.devices` of a bundle → nodes of /dev and what of them may be opened. */
import { defaultDeviceRules, defaultDevices, everyDeviceRule, consoleRule } from './devices.ts';
import type { DeviceRule } from './devices.ts';
import type { OciDevice, OciDeviceRule } from './oci-config.ts';
import { refuse } from './oci-fields.ts';
import type { SandboxDevice } from './sandbox-spec.ts';

const types = { c: 'char', u: 'char', b: 'block', p: 'fifo' } as const;

/** The default ones, which the bundle's may replace. */
export function ociDevices(devices: readonly OciDevice[]): readonly SandboxDevice[] {
  const byPath = new Map(defaultDevices.map((device) => [device.path, device]));
  for (const [index, device] of devices.entries()) {
    const made = convert(device, `linux.devices[${index}]`);
    byPath.set(made.path, made);
  }
  return [...byPath.values()];
}

function convert(device: OciDevice, field: string): SandboxDevice {
  const type = types[device.type as keyof typeof types];
  if (type !== 'fifo' && (device.major === undefined || device.minor === undefined)) {
    return refuse(`${field}.${device.major === undefined ? 'major' : 'minor'}`, 'is missing');
  }
  if (device.path.split('/').includes('..')) refuse(`${field}.path`, `"${device.path}" has ".."`);
  return {
    path: device.path,
    type,
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    mode: (device.fileMode ?? 0o666) & 0o7777,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
  };
}

export interface OciDeviceAccess {
  /** What is allowed; one that is `everyDeviceRule` is all but `denied`. */
  readonly allowed: readonly DeviceRule[];
  readonly denied: readonly DeviceRule[];
}

/** In the order of the list, as the v1 controller would take them; behind it, what every container needs. */
export function ociDeviceAccess(rules: readonly OciDeviceRule[]): OciDeviceAccess {
  let access: OciDeviceAccess = { allowed: [], denied: [] };
  for (const [index, rule] of rules.entries()) {
    access = apply(access, rule, `linux.resources.devices[${index}]`);
  }
  for (const rule of [...defaultDeviceRules, consoleRule]) access = change(access, rule, true);
  return access;
}

function apply(access: OciDeviceAccess, rule: OciDeviceRule, field: string): OciDeviceAccess {
  const { allow, type = 'a' } = rule;
  if (type !== 'a') return change(access, toRule(rule), allow);
  if (wildcard(rule.major) !== null || wildcard(rule.minor) !== null) {
    return refuse(`${field}.type`, '"a" is for every device and has no numbers');
  }
  return { allowed: allow ? [everyDeviceRule] : [], denied: [] };
}

function toRule({ type, major, minor, access = 'rwm' }: OciDeviceRule): DeviceRule {
  const name = type === 'b' ? 'block' : 'char';
  return { type: name, major: wildcard(major), minor: wildcard(minor), access };
}

/** -1 and nothing at all both mean every number. */
function wildcard(number: number | undefined): number | null {
  return number === undefined || number < 0 ? null : number;
}

function change(access: OciDeviceAccess, rule: DeviceRule, allow: boolean): OciDeviceAccess {
  const isOpen = access.allowed.includes(everyDeviceRule);
  const { allowed, denied } = access;
  if (isOpen) {
    return { allowed, denied: allow ? without(denied, rule) : [...denied, rule] };
  }
  return { allowed: allow ? [...allowed, rule] : without(allowed, rule), denied };
}

/** Takes the access away from rules of the same devices. */
function without(rules: readonly DeviceRule[], taken: DeviceRule): readonly DeviceRule[] {
  return rules.flatMap((rule) => {
    const isSame =
      rule.type === taken.type && rule.major === taken.major && rule.minor === taken.minor;
    if (!isSame) return [rule];
    const access = ['r', 'w', 'm']
      .filter((letter) => rule.access.includes(letter) && !taken.access.includes(letter))
      .join('');
    return access === '' ? [] : [{ ...rule, access }];
  });
}
