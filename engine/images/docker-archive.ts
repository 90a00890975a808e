/** manifest.json of `docker save`: one entry per image, naming members of the archive. */
import { EngineError } from '../api/index.ts';
import { invalid, parseList, text, textList } from './document.ts';
import type { Arrival } from './install.ts';
import type { Members } from './load.ts';
import { nameToGive } from './names.ts';

export async function planDockerArchive(members: Members): Promise<readonly Arrival[]> {
  const list = parseList(await members.read('manifest.json'), 'manifest.json');
  if (list.length === 0) throw invalid('manifest.json names no image');
  return await Promise.all(list.map((entry, index) => toArrival(members, entry, index)));
}

async function toArrival(
  members: Members,
  entry: Readonly<Record<string, unknown>>,
  index: number,
): Promise<Arrival> {
  const config = text(entry['Config']);
  const layers = textList(entry['Layers']);
  const tags = entry['RepoTags'] ?? [];
  const written = textList(tags);
  if (config === undefined || layers === undefined || written === undefined)
    throw invalid(`entry ${index} of manifest.json lacks "Config", "Layers" or "RepoTags"`);
  return {
    what: written[0] === undefined ? `image ${index + 1}` : `"${written[0]}"`,
    config: await members.read(config),
    layers: layers.map((name) => members.get(name)),
    manifest: null,
    names: written.map(checkName),
  };
}

function checkName(written: string): string {
  try {
    return nameToGive(written);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw invalid(`manifest.json names an image badly: ${error.message}`);
  }
}
