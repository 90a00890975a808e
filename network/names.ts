/** Names of kernel objects, each derived from an id, so that what is found can be told from what is foreign. */
import { createHash } from 'node:crypto';
import type { Network } from './model.ts';

/** Every bridge and veth of every engine of ours starts so; firewall rules of others name them by it. */
export const bridgePrefix = 'tsc';

// IFNAMSIZ is 16 with the NUL, netdevice(7).
const bridgeDigits = 12;
const vethDigits = 11;

export const bridgeNameOption = 'com.docker.network.bridge.name';

/** As the user wants it, or of our own; `hasOwnName` tells which. */
export function bridgeName(network: Pick<Network, 'id' | 'options'>): string {
  return hasOwnName(network)
    ? (network.options[bridgeNameOption] ?? '')
    : `${bridgePrefix}${network.id.slice(0, bridgeDigits)}`;
}

/** A bridge that rules of others do not know by its prefix. */
export function hasOwnName({ options }: Pick<Network, 'options'>): boolean {
  return (options[bridgeNameOption] ?? '') !== '';
}

/** What the kernel takes as the name of a link, dev_valid_name() of Linux. */
export function isLinkName(text: string): boolean {
  return /^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..';
}

/** The host's end of the pair; "v" is no hexadecimal digit, so it is never a bridge's name. */
export function vethName(sandboxId: string, networkId: string): string {
  const digest = createHash('sha256').update(`${sandboxId} ${networkId}`).digest('hex');
  return `${bridgePrefix}v${digest.slice(0, vethDigits)}`;
}

/** Interface groups of an engine: links are made in `live`, and moved to `dying` to be deleted together. */
export interface LinkGroups {
  readonly live: number;
  readonly dying: number;
}

export function linkGroups(instance: string): LinkGroups {
  const hash = createHash('sha256').update(instance).digest().readUInt32BE(0);
  // 0 is every link's group by default. The high bit stays clear, as some tools print groups as signed.
  const live = (0x4000_0000 | (hash & 0x3fff_fffe)) >>> 0;
  return { live, dying: live | 1 };
}
