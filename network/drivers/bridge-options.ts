/** Options of bridge networks, with Docker's names, checked and read. Pure. */
import { NetworkError } from '../errors.ts';
import type { FilteredNetwork } from '../firewall/ruleset.ts';
import { parseAddress } from '../ipam/address.ts';
import type { Ipam, Network, NetworkRequest } from '../model.ts';
import { bridgeName, bridgeNameOption, bridgePrefix, isLinkName } from '../names.ts';

const mtuOption = 'com.docker.network.driver.mtu';
const optionPrefix = 'com.docker.network.bridge.';
const iccOption = `${optionPrefix}enable_icc`;
const masqueradeOption = `${optionPrefix}enable_ip_masquerade`;
const bindingOption = `${optionPrefix}host_binding_ipv4`;
const inhibitOption = `${optionPrefix}inhibit_ipv4`;
const prefixOption = 'com.docker.network.container_iface_prefix';
const smallestMtu = 68;
const largestMtu = 65_535;
/** With three digits behind it a name of 15 characters, netdevice(7). */
const longestPrefix = 12;

/** What is wrong with a value; null if nothing is. */
type Check = (value: string) => string | null;

const isFlag: Check = (value) =>
  truths.has(value) || falsehoods.has(value) ? null : 'which is neither true nor false';

const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  [mtuOption, wrongMtu],
  [iccOption, isFlag],
  [masqueradeOption, isFlag],
  [inhibitOption, isFlag],
  [
    bindingOption,
    (value) => (parseAddress(value)?.family === 4 ? null : 'which is not an IPv4 address'),
  ],
  [bridgeNameOption, wrongName],
  [
    prefixOption,
    (value) =>
      isLinkName(value) && value.length <= longestPrefix
        ? null
        : `which is no beginning of an interface's name of at most ${longestPrefix} characters`,
  ],
]);

/** Options that change nothing with this value, and that we cannot honour with another. */
const fixedOptions: ReadonlyMap<string, string> = new Map([
  [`${optionPrefix}gateway_mode_ipv4`, 'nat'],
  [`${optionPrefix}gateway_mode_ipv6`, 'nat'],
]);

/** Throws a NetworkError for the first that is wrong or cannot be honoured. */
export function checkBridgeOptions({ name, options = {} }: NetworkRequest): void {
  for (const [option, value] of Object.entries(options)) {
    const check = checks.get(option);
    if (check === undefined) {
      if (fixedOptions.get(option) !== value) throw unsupportedOption(name, option, value);
      continue;
    }
    const problem = check(value);
    if (problem === null) continue;
    throw new NetworkError({
      code: 'invalid-argument',
      message: `option "${option}" of network "${name}" is "${value}", ${problem}`,
      fields: { network: name, option, value },
    });
  }
}

/** Two networks must not share one bridge. Throws a NetworkError that names the other. */
export function checkBridgeName(request: NetworkRequest, networks: readonly Network[]): void {
  const { id, name: network, options = {} } = request;
  const bridge = bridgeName({ id, options });
  const other = networks.find((one) => one.driver === 'bridge' && bridgeName(one) === bridge);
  if (other === undefined) return;
  throw new NetworkError({
    code: 'name-in-use',
    message: `bridge "${bridge}" of network "${network}" is already that of network "${other.name}"`,
    hint: `choose another ${bridgeNameOption}, or leave it out`,
    fields: { network, bridge, other: other.name },
  });
}

export function mtuOf({ options }: Network): number | null {
  const mtu = options[mtuOption];
  return mtu === undefined ? null : Number(mtu);
}

/** Of a network to itself and to elsewhere. */
export function filteredNetwork(network: Network): FilteredNetwork {
  return {
    bridge: bridgeName(network),
    isInternal: network.isInternal,
    isOpenWithin: isOpenWithin(network),
    isMasqueraded: isSet(network.options[masqueradeOption]),
  };
}

/** `--icc` of Docker: whether its containers may talk to each other. */
export function isOpenWithin({ options }: Network): boolean {
  return isSet(options[iccOption]);
}

/** The host's address of ports that are published without one; empty for the engine's own choice. */
export function bindingAddressOf({ options }: Network): string {
  return options[bindingOption] ?? '';
}

/** Whether the bridge has the gateway's address: not where somebody else on the link is the gateway. */
export function isGivenToHost({ options }: Network): (ipam: Ipam) => boolean {
  const isInhibited = isSet(options[inhibitOption] ?? 'false');
  return ({ gateway }) => !(isInhibited && parseAddress(gateway)?.family === 4);
}

/** What the names of interfaces begin with inside sandboxes. */
export function interfacePrefixOf({ options }: Network): string {
  return options[prefixOption] ?? 'eth';
}

function isSet(value = 'true'): boolean {
  return truths.has(value);
}

/** strconv.ParseBool of Go, which dockerd reads them with. */
const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falsehoods: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function wrongMtu(value: string): string | null {
  const mtu = Number(value);
  if (/^\d+$/.test(value) && mtu >= smallestMtu && mtu <= largestMtu) return null;
  return `which is not a number from ${smallestMtu} to ${largestMtu}`;
}

function wrongName(value: string): string | null {
  if (value === '') return null;
  if (!isLinkName(value)) return 'which is no name of an interface';
  return value.startsWith(bridgePrefix)
    ? `and names that begin with "${bridgePrefix}" are the engine's own`
    : null;
}

function unsupportedOption(network: string, option: string, value: string): NetworkError {
  return new NetworkError({
    code: 'unsupported',
    message: `option "${option}" of network "${network}" is not supported with the value "${value}"`,
    hint: 'remove the option',
    fields: { network, option, value },
  });
}
