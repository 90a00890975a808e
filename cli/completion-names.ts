/** Names that a completion offers: from the compose file, and from an engine where one runs. */
import type { EngineClient } from '../engine/client/index.ts';
import type { Command } from './command.ts';
import { complete, type Candidate, type NameKind } from './completion.ts';
import { createContext, type Context } from './context.ts';
import { addressOnThisMachine } from './docker-files.ts';
import { globalOptions, type GlobalRequest } from './options.ts';
import { nameOf, projectLabel } from './select.ts';

export async function candidatesFor(
  words: readonly string[],
  commands: readonly Command[],
  context: Context,
): Promise<readonly Candidate[]> {
  const { candidates, names, global } = complete(words, { commands, globalOptions });
  if (names === null) return candidates;
  const found = await namesOf(names, global, context);
  const typed = words.at(-1) ?? '';
  const unique = [...new Set(found)].sort().filter((name) => name.startsWith(typed));
  return [...candidates, ...unique.map((word) => ({ word, description: '' }))];
}

/** Whoever only presses a key is told no error: a wrong file or an engine that does not run has no names. */
async function namesOf(
  kind: NameKind,
  global: GlobalRequest,
  context: Context,
): Promise<readonly string[]> {
  try {
    return kind === 'services' || kind === 'profiles'
      ? await namesOfFile(kind, global, context)
      : await namesOfEngine(kind, global, context);
  } catch {
    return [];
  }
}

async function namesOfFile(
  kind: 'profiles' | 'services',
  global: GlobalRequest,
  context: Context,
): Promise<readonly string[]> {
  await using inner = createContext({
    global,
    env: context.env,
    workingDirectory: process.cwd(),
    ui: { ...context.ui, warn: () => undefined, notice: () => undefined },
    interrupts: context.interrupts,
    address: context.address,
  });
  const skip = { serviceFiles: true, engineRules: true, consistency: true };
  const { services, disabledServices } = await inner.project({ skip });
  const all = { ...services, ...disabledServices };
  if (kind === 'services') return Object.keys(all);
  return Object.values(all).flatMap(({ profiles }) => profiles ?? []);
}

/** Never starts one. */
async function namesOfEngine(
  kind: Exclude<NameKind, 'profiles' | 'services'>,
  { host }: GlobalRequest,
  { interrupts }: Context,
): Promise<readonly string[]> {
  const { EngineClient } = await import('../engine/client/index.ts');
  using engine = await EngineClient.connect({
    address: addressOnThisMachine(host).url,
    signal: interrupts.graceful,
  });
  return await listers[kind](engine);
}

type Lister = (engine: EngineClient) => Promise<readonly string[]>;

const listers: Readonly<Record<Exclude<NameKind, 'profiles' | 'services'>, Lister>> = {
  containers: async (engine) => (await engine.containers.list({ all: true })).map(nameOf),
  images: async (engine) => (await engine.images.list()).flatMap(({ RepoTags }) => RepoTags),
  networks: async (engine) => (await engine.networks.list()).map(({ Name }) => Name),
  projects: async (engine) => {
    const containers = await engine.containers.list({
      all: true,
      filters: { label: [projectLabel] },
    });
    return containers.flatMap(({ Labels }) => Labels[projectLabel] ?? []);
  },
  volumes: async (engine) => (await engine.volumes.list()).map(({ Name }) => Name),
};
