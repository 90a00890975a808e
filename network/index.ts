/**
 * The only door of networking: bridges, sandboxes, addresses, published ports, firewall.
 * Belongs here: everything the kernel needs to know about networks. Does not belong here: the Engine API, containers,
 * processes; names are answered by the resolver that network/dns drives.
 */
export { nativeKernel } from './context.ts';
export type {
  Kernel,
  NameEntry,
  NetworkOptions,
  NetworkRecords,
  Records,
  ResolvedSandbox,
  ResolverPort,
  ResolverState,
} from './context.ts';
export { NetworkController } from './controller.ts';
export { isNetworkError, NetworkError } from './errors.ts';
export type { NetworkErrorCode, NetworkErrorFields } from './errors.ts';
export type * from './model.ts';
export type { ProxyOptions } from './ports/proxy.ts';
export { Resolver } from './dns/resolver.ts';
export { readForwardingRecord, readNetworkRecord, readSandboxRecord } from './record.ts';
