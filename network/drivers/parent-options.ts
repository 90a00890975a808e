/** Options of macvlan and ipvlan networks, with Docker's names, checked and read. Pure. */
import { NetworkError } from '../errors.ts';
import type { DriverName, Network, NetworkRequest } from '../model.ts';
import { bridgePrefix, isLinkName } from '../names.ts';

export type ParentedDriver = 'macvlan' | 'ipvlan';

const parentOption = 'parent';
const mtuOption = 'com.docker.network.driver.mtu';

/** Numbers of linux/if_link.h; the first of each is what Docker takes without the option. */
const modes: Readonly<Record<ParentedDriver, Readonly<Record<string, number>>>> = {
  macvlan: { bridge: 4, private: 1, vepa: 2, passthru: 8 },
  ipvlan: { l2: 0, l3: 1, l3s: 2 },
};
const modeOptions: Readonly<Record<ParentedDriver, string>> = {
  macvlan: 'macvlan_mode',
  ipvlan: 'ipvlan_mode',
};
const flagOption = 'ipvlan_flag';
const flags: Readonly<Record<string, number>> = { bridge: 0, private: 1, vepa: 2 };

const parentDigits = 11;
/** IEEE 802.1Q. */
const highestVlan = 4094;

export function isParented(driver: DriverName): driver is ParentedDriver {
  return driver === 'macvlan' || driver === 'ipvlan';
}

/** What the driver's links are parts of. */
export interface Parent {
  /** "p" is no hexadecimal digit, so it is never a bridge's name. */
  readonly name: string;
  /** Missing: of nobody, for a network that has no interface of the host. Else part of that interface. */
  readonly vlan?: { readonly base: string; readonly id: number };
  /** Made for the network where it is not there. */
  readonly isMade: boolean;
}

export function parentOf({ id, options }: Pick<Network, 'id' | 'options'>): Parent {
  const { [parentOption]: name = '' } = options;
  if (name === '') return { name: `${bridgePrefix}p${id.slice(0, parentDigits)}`, isMade: true };
  const [, base, number] = /^(.+)\.(\d{1,4})$/.exec(name) ?? [];
  if (base === undefined) return { name, isMade: false };
  return { name, vlan: { base, id: Number(number) }, isMade: true };
}

/** Whether packets leave by an interface of the host. */
export function hasParent(options: Readonly<Record<string, string>> = {}): boolean {
  return (options[parentOption] ?? '') !== '';
}

export function modeOf(driver: ParentedDriver, { options }: Network): number {
  const [first = ''] = Object.keys(modes[driver]);
  return modes[driver][options[modeOptions[driver]] ?? first] ?? 0;
}

export function modeFlagsOf({ options }: Network): number {
  return flags[options[flagOption] ?? 'bridge'] ?? 0;
}

/** Layer 3: there is no next hop on the link, and nobody is asked for one. */
export function isWithoutNeighbours({ driver, options }: Network): boolean {
  return driver === 'ipvlan' && ['l3', 'l3s'].includes(options[modeOptions.ipvlan] ?? '');
}

/** Throws a NetworkError for the first that is wrong or cannot be honoured. */
export function checkParentOptions(driver: ParentedDriver, request: NetworkRequest): void {
  const { name, options = {} } = request;
  for (const [option, value] of Object.entries(options)) {
    const problem = problemOf(driver, option, value);
    if (problem === null) continue;
    throw new NetworkError({
      code: 'invalid-argument',
      message: `option "${option}" of ${driver} network "${name}" is "${value}", ${problem}`,
      fields: { network: name, option, value },
    });
  }
}

/** Two networks on one interface would hand each other's frames on. Throws a NetworkError that names the other. */
export function checkParent(request: NetworkRequest, networks: readonly Network[]): void {
  const { id, name: network, options = {} } = request;
  const { name: parent } = parentOf({ id, options });
  const other = networks.find((one) => isParented(one.driver) && parentOf(one).name === parent);
  if (other === undefined) return;
  throw new NetworkError({
    code: 'name-in-use',
    message: `network "${network}" cannot be on interface "${parent}": network "${other.name}" is`,
    hint: 'join that network, or name a sub-interface of its own, such as eth0.10',
    fields: { network, parent, other: other.name },
  });
}

function problemOf(driver: ParentedDriver, option: string, value: string): string | null {
  if (option === parentOption) return wrongParent(value);
  if (option === mtuOption)
    return /^\d{2,5}$/.test(value) && Number(value) >= 68 ? null : 'which is no MTU';
  const choices =
    option === modeOptions[driver]
      ? modes[driver]
      : driver === 'ipvlan' && option === flagOption
        ? flags
        : null;
  if (choices === null) return 'and there is no such option';
  return Object.hasOwn(choices, value)
    ? null
    : `which is none of ${Object.keys(choices).join(', ')}`;
}

function wrongParent(value: string): string | null {
  if (value === '') return null;
  if (!isLinkName(value) || value === 'lo') return 'which no network can be a part of';
  const { vlan } = parentOf({ id: '', options: { parent: value } });
  return vlan === undefined || (vlan.id >= 1 && vlan.id <= highestVlan)
    ? null
    : `and the number of a VLAN is from 1 to ${highestVlan}`;
}
