import type { NetworkOptions } from './context.ts';
import type {
  Network,
  NetworkDetails,
  NetworkRequest,
  SandboxHandle,
  SandboxRequest,
} from './model.ts';

/**
 * Owns every network and sandbox of one engine. Call `recover` once before anything else.
 */
export declare class NetworkController {
  static open(options: NetworkOptions): Promise<NetworkController>;
  /**
   * Makes records and kernel agree after any end of an earlier engine: adopts the sandboxes of `liveSandboxIds`,
   * removes what nobody owns, puts missing rules and names back.
   */
  recover(liveSandboxIds: readonly string[]): Promise<void>;
  createNetwork(request: NetworkRequest, signal?: AbortSignal): Promise<Network>;
  removeNetwork(id: string): Promise<void>;
  list(): readonly Network[];
  inspect(id: string): NetworkDetails;
  openSandbox(request: SandboxRequest, signal?: AbortSignal): Promise<SandboxHandle>;
  /** Resolves when links, rules and leases are gone; a sandbox that is not there is no error. */
  closeSandbox(id: string): Promise<void>;
  /** Puts our firewall rules back if somebody has flushed them; true if that was necessary. */
  reassert(): Promise<boolean>;
  /** Closes the engine's sockets; sandboxes go on. */
  close(): void;
}
