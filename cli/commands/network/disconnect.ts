import { defineCommand, type Command } from '../../command.ts';

interface NetworkDisconnectRequest {
  readonly network?: string;
  readonly container?: string;
  readonly force?: boolean;
}

export const networkDisconnectCommand: Command = defineCommand<NetworkDisconnectRequest>({
  name: 'disconnect',
  summary: 'take a container off a network',
  arguments: [
    { name: '<network>', description: 'name or id of the network' },
    { name: '<container>', description: 'name or id of the container' },
  ],
  options: {
    network: null,
    container: null,
    force: { flags: '-f, --force', description: 'also when the engine does not find it there' },
  },
  examples: ['tscompose network disconnect back shop-db-1'],
  run: async ({ network = '', container = '', force }, context) => {
    const engine = await context.engine();
    const { unlessUnserved } = await import('../../objects/unserved.ts');
    const joining = engine.networks.disconnect(
      network,
      { Container: container, Force: force === true },
      { signal: context.interrupts.graceful },
    );
    await unlessUnserved(joining, 'disconnect containers and networks');
    return undefined;
  },
});
