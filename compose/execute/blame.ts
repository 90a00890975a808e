import type { Service } from '../model/service.ts';

type Path = readonly (string | number)[];

/** Attributes whose values engines check, and quote when they refuse them. */
const quotable = [
  'cap_add',
  'cap_drop',
  'devices',
  'dns',
  'extra_hosts',
  'group_add',
  'hostname',
  'ipc',
  'mac_address',
  'network_mode',
  'networks',
  'pid',
  'restart',
  'runtime',
  'security_opt',
  'stop_signal',
  'sysctls',
  'tmpfs',
  'ulimits',
  'user',
  'userns_mode',
  'uts',
  'volumes',
  'working_dir',
] as const satisfies readonly (keyof Service)[];

interface Candidate {
  readonly path: Path;
  readonly text: string;
}

/** Path below the service of what an engine's message quotes of it, the longest first; null where it quotes nothing. */
export function blamedPath(message: string, service: Service): Path | null {
  const found = quotable
    .flatMap((key) => textsOf(service[key], [key]))
    .filter(({ text }) => isQuoted(message, text))
    .sort((left, right) => right.text.length - left.text.length);
  return found[0]?.path ?? null;
}

/** Every text in a value, and every key of its mappings. */
function textsOf(value: unknown, path: Path): Candidate[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => textsOf(item, [...path, index]));
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [
    { path: [...path, key], text: key },
    ...textsOf(item, [...path, key]),
  ]);
}

/** In quotes, or as a word of its own where it is too long to be one by chance. */
function isQuoted(message: string, text: string): boolean {
  if (text === '') return false;
  if (message.includes(`"${text}"`) || message.includes(`'${text}'`)) return true;
  if (message.includes(`"CAP_${text.toUpperCase()}"`)) return true;
  return text.length > 3 && message.split(/[\s:,;]+/).includes(text);
}
