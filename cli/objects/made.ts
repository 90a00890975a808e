/** What networks and volumes are both made with, and how a container is put on a network and taken off it. */
import type { OptionsOf } from '../command.ts';
import { pairsOf, parseLabel, parsePair, type Pair } from './pairs.ts';

export interface MadeRequest {
  readonly driver?: string;
  readonly label?: readonly Pair[];
  readonly opt?: readonly Pair[];
}

export function madeOptions(texts: {
  /** What the driver does, and which one it is by default. */
  readonly driver: string;
  /** Of an option of the driver. */
  readonly example: string;
}): OptionsOf<MadeRequest> {
  return {
    driver: { flags: '-d, --driver <name>', description: texts.driver },
    label: {
      flags: '--label <label>',
      description: 'a label: KEY=VALUE or KEY',
      repeats: true,
      parse: parseLabel,
    },
    opt: {
      flags: '-o, --opt <option>',
      description: `an option of its driver: ${texts.example}`,
      repeats: true,
      parse: parsePair,
    },
  };
}

/** `DriverOpts` of one is `Options` of the other. */
export function madeFrom({ label = [], opt = [] }: MadeRequest): {
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
} {
  return { labels: pairsOf(label), options: pairsOf(opt) };
}

export interface MemberRequest {
  readonly network?: string;
  readonly container?: string;
}

export const memberArguments = [
  { name: '<network>', description: 'name or id of the network' },
  { name: '<container>', description: 'name or id of the container' },
] as const;

export const memberOptions: OptionsOf<MemberRequest> = { network: null, container: null };
