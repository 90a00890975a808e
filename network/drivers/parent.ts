/** Sandboxes on a link of the host's: each has a part of it of its own, and nothing of the host is between. */
import { isSyscallError } from '../../native/index.ts';
import type { Driver } from '../driver.ts';
import { NetworkError } from '../errors.ts';
import type { HostLinks } from '../links.ts';
import type { Network, NetworkRequest } from '../model.ts';
import { checkParentOptions, parentOf } from './parent-options.ts';
import type { Parent, ParentedDriver } from './parent-options.ts';

export function parentDriver(name: ParentedDriver, links: HostLinks): Driver {
  const setup = (network: Network): Promise<void> => ensureParent(links, network);
  return {
    name,
    hasEndpoints: true,
    validate: (request: NetworkRequest) => {
      checkParentOptions(name, request);
    },
    setup,
    setupAgain: setup,
    teardown: async (network) => {
      const parent = parentOf(network);
      // One that was there before us stays.
      if (parent.isMade && (await links.isMade(parent.name))) await links.remove([parent.name]);
    },
    reassert: () => Promise.resolve(false),
    settle: () => Promise.resolve(),
  };
}

async function ensureParent(links: HostLinks, network: Network): Promise<void> {
  const parent = parentOf(network);
  if (await links.isThere(parent.name)) return;
  const base = parent.vlan?.base ?? null;
  if (!parent.isMade || (base !== null && !(await links.isThere(base))))
    throw withoutParent(network, base ?? parent.name);
  try {
    await links.createParent(parent);
  } catch (error) {
    if (!isSyscallError(error, 'EOPNOTSUPP')) throw error;
    throw withoutKind(network, parent, error);
  }
}

function withoutParent({ name, driver }: Network, parent: string): NetworkError {
  return new NetworkError({
    code: 'invalid-argument',
    message: `${driver} network "${name}" is to be on interface "${parent}", which this host does not have`,
    hint: '`ip link` shows those it has',
    fields: { network: name, parent },
  });
}

function withoutKind({ name, driver }: Network, { vlan }: Parent, cause: unknown): NetworkError {
  const kind = vlan === undefined ? 'dummy' : '8021q';
  return new NetworkError({
    code: 'unsupported',
    message: `${driver} network "${name}" needs the kernel's module "${kind}", which is not there`,
    hint: vlan === undefined ? 'name a parent interface' : `load it: modprobe ${kind}`,
    fields: { network: name, module: kind },
    cause,
  });
}
