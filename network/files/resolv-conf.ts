/** resolv.conf(5): what the host's says, and what a sandbox's shall say. */
import { readFileSync } from 'node:fs';

export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export function readHostResolvConf(): ResolvConf {
  try {
    return parseResolvConf(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch {
    // A host without one asks nobody, which is what an empty one says.
    return parseResolvConf('');
  }
}

/** Lines that are not understood are passed over, as the C library does. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let search: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') nameservers.push(...values.slice(0, 1));
    // `domain` is a search list of one; of several lines the last one counts.
    else if (keyword === 'search') search = values;
    else if (keyword === 'domain') search = values.slice(0, 1);
    else if (keyword === 'options') options.push(...values);
  }
  return { nameservers, search: search.filter((domain) => domain !== '.'), options };
}

export function renderResolvConf({ nameservers, search, options }: ResolvConf): string {
  const lines = nameservers.map((address) => `nameserver ${address}`);
  if (search.length > 0) lines.push(`search ${search.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
