/** What the controller and recovery work with; each made once. */
import type { Kernel, NetworkOptions, NetworkRecords, ResolverPort } from './context.ts';
import type { Driver } from './driver.ts';
import { BridgeDriver } from './drivers/bridge.ts';
import { hostDriver } from './drivers/host.ts';
import { noneDriver } from './drivers/none.ts';
import { parentDriver } from './drivers/parent.ts';
import { nativeKernel } from './context.ts';
import { BypassWarning } from './firewall/bypass.ts';
import { Firewall } from './firewall/nftables.ts';
import { HostLinks } from './links.ts';
import type { DriverName } from './model.ts';
import { isSyscallError } from '../native/index.ts';
import { bridgeName } from './names.ts';
import { NameBook } from './name-book.ts';
import { SpareSandbox } from './spare-sandbox.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { PortProxy } from './ports/proxy.ts';
import { withoutNftables } from './refusals.ts';

export interface Parts {
  /** Names what is of this engine, as in NetworkOptions. */
  readonly instance: string;
  readonly kernel: Kernel;
  readonly records: NetworkRecords;
  readonly resolver: ResolverPort;
  readonly warn: NetworkOptions['warn'];
  /** Directory of the namespaces' bind mounts. */
  readonly namespaces: string;
  readonly links: HostLinks;
  readonly firewall: Firewall;
  readonly netfilter: NetlinkSocket;
  readonly names: NameBook;
  readonly globalId: NetworkOptions['globalId'];
  readonly drivers: Readonly<Record<DriverName, Driver>>;
  readonly spare: SpareSandbox | null;
  readonly proxy: PortProxy | null;
  readonly bypass: BypassWarning;
  /** Closes the engine's sockets. */
  close(): void;
}

export async function openParts(options: NetworkOptions): Promise<Parts> {
  const {
    instance,
    kernel = nativeKernel,
    records,
    resolver,
    warn,
    namespaces,
    globalId,
    keepsSpare = false,
  } = options;
  const proxy = options.proxy === undefined ? null : new PortProxy(kernel, options.proxy);
  const routing = await NetlinkSocket.open(kernel, 'netlink-route');
  const netfilter = await openNetfilter(kernel);
  const links = new HostLinks(routing, instance);
  const firewall = new Firewall(netfilter, instance);
  const forwarding = { kernel, records: records.forwarding };
  const bypass = new BypassWarning(warn);
  const bridge = new BridgeDriver({
    kernel,
    links,
    firewall,
    netfilter,
    forwarding,
    bridges: () => bridgesOnRecord(records),
    bypass,
    warn,
  });
  const spare = keepsSpare ? new SpareSandbox(kernel) : null;
  return {
    instance,
    kernel,
    spare,
    proxy,
    bypass,
    records,
    resolver,
    warn,
    namespaces,
    links,
    firewall,
    netfilter,
    names: new NameBook(resolver),
    globalId,
    drivers: {
      bridge,
      macvlan: parentDriver('macvlan', links),
      ipvlan: parentDriver('ipvlan', links),
      host: hostDriver,
      none: noneDriver,
    },
    close: () => {
      spare?.close();
      proxy?.close();
      routing.close();
      netfilter.close();
    },
  };
}

function bridgesOnRecord({ networks }: NetworkRecords): readonly string[] {
  const bridged = networks.values().filter(({ driver }) => driver === 'bridge');
  return bridged.map(bridgeName);
}

async function openNetfilter(kernel: Kernel): Promise<NetlinkSocket> {
  try {
    return await NetlinkSocket.open(kernel, 'netlink-netfilter');
  } catch (error) {
    throw isSyscallError(error, 'EPROTONOSUPPORT') ? withoutNftables(error) : error;
  }
}
