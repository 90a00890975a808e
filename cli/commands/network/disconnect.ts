import { defineCommand, type Command } from '../../command.ts';
import { memberArguments, memberOptions, type MemberRequest } from '../../objects/made.ts';

interface NetworkDisconnectRequest extends MemberRequest {
  readonly force?: boolean;
}

export const networkDisconnectCommand: Command = defineCommand<NetworkDisconnectRequest>({
  name: 'disconnect',
  summary: 'take a container off a network',
  arguments: memberArguments,
  options: {
    ...memberOptions,
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
