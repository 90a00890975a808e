/** How a kind of network is realised. Everything is validated before anything is made. */
import type { DriverName, Network, NetworkRequest } from './model.ts';

export interface Driver {
  readonly name: DriverName;
  /** Whether sandboxes have interfaces on it, and so whether it has subnets. */
  readonly hasEndpoints: boolean;
  /** Throws a NetworkError for what cannot be done. */
  validate(request: NetworkRequest): void;
  /** Before the first endpoint; finding everything there already is no error. */
  setup(network: Network): Promise<void>;
  /** The same although it was done before: somebody has removed what it made. */
  setupAgain(network: Network): Promise<void>;
  /** Finding nothing there is no error. */
  teardown(network: Network): Promise<void>;
  /** Puts back what somebody else has taken away of it, or has touched; true if there was something. */
  reassert(isTouched?: boolean): Promise<boolean>;
  /** Takes back what the host was made to allow, unless a network needs it. */
  settle(): Promise<void>;
}
