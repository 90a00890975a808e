import { defineCommand, type Command } from '../../command.ts';
import { madeFrom, madeOptions, type MadeRequest } from '../../objects/made.ts';

interface VolumeCreateCommandRequest extends MadeRequest {
  readonly volume?: string;
}

export const volumeCreateCommand: Command = defineCommand<VolumeCreateCommandRequest>({
  name: 'create',
  summary: 'make a volume',
  arguments: [{ name: '[volume]', description: 'its name (default: one that nobody has)' }],
  options: {
    volume: null,
    ...madeOptions({ driver: 'what keeps it (default: local)', example: 'type=tmpfs' }),
  },
  examples: [
    'tscompose volume create data',
    'tscompose volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch',
  ],
  run: async ({ volume, driver, ...request }, context) => {
    const { labels, options } = madeFrom(request);
    const engine = await context.engine();
    const { Name } = await engine.volumes.create(
      {
        ...(volume !== undefined && { Name: volume }),
        Driver: driver ?? 'local',
        DriverOpts: options,
        Labels: labels,
      },
      { signal: context.interrupts.graceful },
    );
    await context.ui.stdout.write(`${Name}\n`);
    return undefined;
  },
});
