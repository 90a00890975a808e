import { randomInt } from 'node:crypto';
import type { Containers } from './containers.ts';

const adjectives =
  `amber bold brisk calm clever crisp deft eager fair fleet gentle golden keen kind lively lucid
  mellow merry nimble noble polite proud quick quiet rapid sharp silver steady sunny swift tidy vivid warm wise witty
  zesty`.split(/\s+/);
const nouns =
  `acorn anchor badger beacon birch bridge cedar comet coral crane ember falcon fern finch harbor heron
  island juniper lantern lark maple marlin meadow otter pebble pine puffin quartz raven river robin sparrow spruce
  thistle walnut willow`.split(/\s+/);
const plainAttempts = 16;

/** Two words, for whoever did not choose a name; with digits when many are taken. */
export function chooseName(containers: Pick<Containers, 'has'>): string {
  for (let attempt = 0; ; attempt++) {
    const words = `${pick(adjectives)}_${pick(nouns)}`;
    const name = attempt < plainAttempts ? words : `${words}${randomInt(10_000)}`;
    if (!containers.has(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}
