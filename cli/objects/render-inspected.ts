import { compileTemplate } from '../ui/template/evaluate.ts';
import { toJson } from '../ui/template/values.ts';

/** A list in JSON, indented by four as docker's; with a template one line for each. */
export function renderInspected(found: readonly object[], format = ''): string {
  if (format === '') return `${JSON.stringify(found, null, 4)}\n`;
  if (format === 'json') {
    return found.map((item) => `${toJson(item, { escapesHtml: false })}\n`).join('');
  }
  const template = compileTemplate(format);
  return found.map((item) => `${template.run(goValue(item))}\n`).join('');
}

/**
 * What Go clients have as a map stays one: `{{index .Labels "a"}}`, and an absent key is no mistake. Of JSON alone it shows
 * by its keys: names of fields begin with a capital letter and hold nothing but letters and digits.
 */
function goValue(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => goValue(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, goValue(item, name)] as const);
  const isStruct = !maps.has(key) && entries.length > 0;
  return isStruct && entries.every(([name]) => /^[A-Z][A-Za-z0-9]*$/u.test(name))
    ? Object.fromEntries(entries)
    : new Map(entries);
}

/** Maps whose keys people choose. */
const maps: ReadonlySet<string> = new Set([
  'AuxiliaryAddresses',
  'Containers',
  'DriverOpts',
  'ExposedPorts',
  'Labels',
  'LogOpts',
  'Networks',
  'Options',
  'Ports',
  'Status',
  'Sysctls',
  'Tmpfs',
  'Volumes',
]);
