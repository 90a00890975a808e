/** fmt.Sprintf, for what a template can hold. */
import { printed, typeName } from './values.ts';

const verbPattern = /%(?<flags>[-+# 0]*)(?<width>\d*)(?:\.(?<precision>\d+))?(?<verb>[a-zA-Z%])/gu;

export function formatGo(format: string, values: readonly unknown[]): string {
  let next = 0;
  const text = format.replaceAll(verbPattern, (...match) => {
    const {
      flags = '',
      width = '',
      precision,
      verb = '',
    } = match.at(-1) as Record<string, string | undefined>;
    if (verb === '%') return '%';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = values[next];
    next += 1;
    return pad(formatOne(value, { verb, flags, precision }), Number(width), flags);
  });
  const extra = values.slice(next).map((value) => `${typeName(value)}=${printed(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}

interface Verb {
  readonly verb: string;
  readonly flags: string;
  readonly precision: string | undefined;
}

const numberVerbs: Readonly<Record<string, (value: number, verb: Verb) => string>> = {
  d: (value) => String(Math.trunc(value)),
  x: (value) => value.toString(16),
  X: (value) => value.toString(16).toUpperCase(),
  o: (value) => value.toString(8),
  b: (value) => value.toString(2),
  f: (value, { precision }) => value.toFixed(Number(precision ?? 6)),
  c: (value) => String.fromCodePoint(value),
};

function formatOne(value: unknown, verb: Verb): string {
  const { verb: name, precision, flags } = verb;
  if (typeof value === 'number' && numberVerbs[name] !== undefined) {
    const text = numberVerbs[name](value, verb);
    return flags.includes('+') && value >= 0 ? `+${text}` : text;
  }
  switch (name) {
    case 'v':
      return printed(value);
    case 's':
      return printed(value).slice(0, precision === undefined ? undefined : Number(precision));
    case 'q':
      return JSON.stringify(printed(value));
    case 't':
      return printed(value);
    case 'T':
      return typeName(value);
    case 'x':
      return Buffer.from(printed(value)).toString('hex');
    default:
      return `%!${name}(${typeName(value)}=${printed(value)})`;
  }
}

function pad(text: string, width: number, flags: string): string {
  if (flags.includes('-')) return text.padEnd(width);
  return flags.includes('0') ? text.padStart(width, '0') : text.padStart(width);
}
