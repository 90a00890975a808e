import { defineCommand, type Command } from '../../command.ts';
import { parsePair, pairsOf, parseLabel, type Pair } from '../../objects/pairs.ts';

interface VolumeCreateCommandRequest {
  readonly volume?: string;
  readonly driver?: string;
  readonly label?: readonly Pair[];
  readonly opt?: readonly Pair[];
}

export const volumeCreateCommand: Command = defineCommand<VolumeCreateCommandRequest>({
  name: 'create',
  summary: 'make a volume',
  arguments: [{ name: '[volume]', description: 'its name (default: one that nobody has)' }],
  options: {
    volume: null,
    driver: { flags: '-d, --driver <name>', description: 'what keeps it (default: local)' },
    label: {
      flags: '--label <label>',
      description: 'a label: KEY=VALUE or KEY',
      repeats: true,
      parse: parseLabel,
    },
    opt: {
      flags: '-o, --opt <option>',
      description: 'an option of its driver: type=tmpfs',
      repeats: true,
      parse: parsePair,
    },
  },
  examples: [
    'tscompose volume create data',
    'tscompose volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch',
  ],
  run: async ({ volume, driver, label = [], opt = [] }, context) => {
    const engine = await context.engine();
    const { Name } = await engine.volumes.create(
      {
        ...(volume !== undefined && { Name: volume }),
        Driver: driver ?? 'local',
        DriverOpts: pairsOf(opt),
        Labels: pairsOf(label),
      },
      { signal: context.interrupts.graceful },
    );
    await context.ui.stdout.write(`${Name}\n`);
    return undefined;
  },
});
