/** The lists that `config` prints instead of the whole: a line for each name. */
import { dependencyOrder, type ModelVariable } from '../compose/index.ts';
import { compareText } from './ui/format.ts';

/** A Project, or the model of one whose variables were left as they are typed. */
export interface Listed {
  readonly name?: unknown;
  readonly services?: unknown;
  readonly disabledServices?: unknown;
  readonly networks?: unknown;
  readonly volumes?: unknown;
  readonly models?: unknown;
}

export const listNames = [
  'services',
  'volumes',
  'networks',
  'models',
  'profiles',
  'images',
] as const;
export type ListName = (typeof listNames)[number];

export function listOf(name: ListName, listed: Listed): string {
  return lists[name](listed)
    .map((line) => `${line}\n`)
    .join('');
}

const lists: Readonly<Record<ListName, (listed: Listed) => readonly string[]>> = {
  services: ({ services }) => inOrder(asMap(services)),
  volumes: ({ volumes }) => keysOf(volumes),
  networks: ({ networks }) => keysOf(networks),
  models: ({ models }) =>
    keysOf(models).flatMap((key) => textOf(asMap(asMap(models)[key])['model']) ?? []),
  profiles: ({ services, disabledServices }) => {
    const all = [...Object.values(asMap(services)), ...Object.values(asMap(disabledServices))];
    const names = all.flatMap((service) => asMap(service)['profiles'] ?? []) as string[];
    return [...new Set(names)].sort(compareText);
  },
  // One for each service, also where several have the same.
  images: ({ name, services }) =>
    keysOf(services).map(
      (key) => textOf(asMap(asMap(services)[key])['image']) ?? `${String(name)}-${key}`,
    ),
};

type AnyMap = Readonly<Record<string, unknown>>;

function asMap(value: unknown): AnyMap {
  return typeof value === 'object' && value !== null ? (value as AnyMap) : {};
}

function keysOf(value: unknown): string[] {
  return Object.keys(asMap(value)).sort(compareText);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Each behind what it depends on. */
function inOrder(services: AnyMap): string[] {
  const graph = new Map(
    keysOf(services).map((name) => [name, keysOf(asMap(services[name])['depends_on'])]),
  );
  return dependencyOrder(graph);
}

const variableHeader = ['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'] as const;

/** Columns of at least twenty characters, as the reference implementation has them here and nowhere else. */
export function variableTable(variables: Readonly<Record<string, ModelVariable>>): string {
  const rows = Object.values(variables).map(
    ({ Name, Required, DefaultValue, PresenceValue }): readonly string[] => [
      Name,
      String(Required),
      DefaultValue,
      PresenceValue,
    ],
  );
  const all = [variableHeader, ...rows];
  const widths = variableHeader.map((_, column) =>
    Math.max(20, ...all.map((row) => Array.from(row[column] ?? '').length + 3)),
  );
  return all
    .map(
      (row) =>
        `${row.map((cell, at) => (at === row.length - 1 ? cell : padded(cell, widths[at] ?? 0))).join('')}\n`,
    )
    .join('');
}

function padded(cell: string, width: number): string {
  return cell + ' '.repeat(width - Array.from(cell).length);
}
