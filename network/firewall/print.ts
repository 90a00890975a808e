/** The printed form of a rule set: what `nft list table` prints of it, elements sorted. */
import type { Family } from '../ipam/address.ts';
import type { Part, RuleChain, RuleElement, Ruleset, RuleSet } from './ruleset.ts';

export function printRuleset({ table, sets, chains }: Ruleset): string {
  const blocks = [...sets.map(printSet), ...chains.map(printChain)];
  return `table inet ${table} {\n${blocks.join('\n')}}\n`;
}

function printSet({ name, key, value, elements }: RuleSet): string {
  const type = value === null ? key.join(' . ') : `${key.join(' . ')} : ${value.join(' . ')}`;
  const lines = [`\t${value === null ? 'set' : 'map'} ${name} {`, `\t\ttype ${type}`];
  if (elements.length > 0) {
    const quoted = key.map((field) => field === 'ifname');
    const texts = elements.map((element) => printElement(element, quoted)).sort();
    lines.push(`\t\telements = { ${texts.join(',\n\t\t\t     ')} }`);
  }
  return [...lines, '\t}', ''].join('\n');
}

function printElement({ key, value }: RuleElement, isQuoted: readonly boolean[]): string {
  const left = key.map((part, index) => (isQuoted[index] === true ? `"${part}"` : part));
  return value === null ? left.join(' . ') : `${left.join(' . ')} : ${value.join(' . ')}`;
}

function printChain({ name, type, hook, priority, rules }: RuleChain): string {
  const place = `type ${type} hook ${hook} priority ${priorityNames.get(`${hook} ${priority}`) ?? priority}`;
  return [
    `\tchain ${name} {`,
    `\t\t${place}; policy accept;`,
    ...rules.map((parts) => `\t\t${parts.map(printPart).join(' ')}`),
    '\t}',
    '',
  ].join('\n');
}

/** nft(8), standard priority names: dstnat is one of prerouting only. */
const priorityNames: ReadonlyMap<string, string> = new Map([
  ['prerouting -300', 'raw'],
  ['input -1', 'filter - 1'],
  ['forward -1', 'filter - 1'],
  ['prerouting -100', 'dstnat'],
  ['postrouting 100', 'srcnat'],
]);

export function printPart(part: Part): string {
  switch (part.kind) {
    case 'interface':
      return `${part.side} ${part.isNot === true ? '!= ' : ''}@${part.set}`;
    case 'interfaces':
      return `iifname . oifname @${part.set}`;
    case 'family':
      return `meta nfproto ipv${part.family}`;
    case 'addresses':
      return `${keyword(part.family)} saddr . ${keyword(part.family)} daddr @${part.set}`;
    case 'destination':
      return part.hasAddress
        ? `meta l4proto . ip6 daddr . th dport @${part.set}`
        : `meta nfproto ipv6 meta l4proto . th dport @${part.set}`;
    case 'loopback-address':
      return part.family === 4 ? `ip ${part.end} 127.0.0.0/8` : `ip6 ${part.end} ::1`;
    case 'local-destination':
      return 'fib daddr type local';
    case 'established':
      return 'ct state established,related';
    case 'translated':
      return 'ct status dnat';
    case 'untranslated':
      return 'ct status ! snat,dnat';
    case 'dnat':
      return printTranslation(part);
    case 'masquerade':
    case 'accept':
    case 'drop':
    case 'return':
      return part.kind;
  }
}

function printTranslation({ family, map, hasAddress }: Extract<Part, { kind: 'dnat' }>): string {
  const word = keyword(family);
  const protocol = family === 4 ? 'ip protocol' : 'meta l4proto';
  const statement = `dnat ${word} to ${protocol} . ${hasAddress ? `${word} daddr . ` : ''}th dport map @${map}`;
  // nft leaves the family out where another match says it.
  return family === 6 && !hasAddress ? `meta nfproto ipv6 ${statement}` : statement;
}

function keyword(family: Family): string {
  return family === 4 ? 'ip' : 'ip6';
}
