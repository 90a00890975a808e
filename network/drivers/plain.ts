import type { Driver } from '../driver.ts';
import { NetworkError } from '../errors.ts';

/** A driver without kernel objects. */
export function plainDriver(name: 'host' | 'none'): Driver {
  return {
    name,
    hasEndpoints: false,
    validate: (request) => {
      if ((request.ipam?.pools.length ?? 0) === 0 && request.isInternal !== true) return;
      throw new NetworkError({
        code: 'invalid-argument',
        message: `network "${request.name}" of driver "${name}" has neither subnets nor the internal flag`,
        fields: { network: request.name, driver: name },
      });
    },
    setup: () => Promise.resolve(),
    setupAgain: () => Promise.resolve(),
    teardown: () => Promise.resolve(),
    reassert: () => Promise.resolve(false),
    settle: () => Promise.resolve(),
  };
}
