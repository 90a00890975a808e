/** The variables that a model names, for `config --variables`. */
import { parseTemplate, type Template, TemplateError } from './load/template.ts';

/** Spelled as in the reference implementation's JSON, which scripts read. */
export interface ModelVariable {
  readonly Name: string;
  readonly DefaultValue: string;
  /** What `${V:+…}` puts where V has a value. */
  readonly PresenceValue: string;
  /** `${V:?…}`: without a value the file does not load. */
  readonly Required: boolean;
}

/** By name, sorted. Of one that is written in several ways, whatever any of them says. */
export function variablesOf(
  model: Readonly<Record<string, unknown>>,
): Readonly<Record<string, ModelVariable>> {
  const found = new Map<string, ModelVariable>();
  visit(model, found);
  const sorted = [...found].sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(sorted);
}

type Found = Map<string, ModelVariable>;

function visit(value: unknown, found: Found): void {
  if (typeof value === 'string') {
    if (value.includes('$')) collect(value, templateOf(value), found);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) visit(item, found);
  }
}

/** What is no template names nothing; loading the project says what is wrong with it. */
function templateOf(text: string): Template {
  try {
    return parseTemplate(text);
  } catch (error) {
    if (error instanceof TemplateError) return [];
    throw error;
  }
}

function collect(text: string, template: Template, found: Found): void {
  for (const part of template) {
    if (typeof part === 'string') continue;
    const { name, operator, operand, start, end } = part;
    // The operand as it is written: what stands between the operator and the brace.
    const written = text.slice(start + 2 + name.length + (operator?.length ?? 0), end - 1);
    const kind = operator?.at(-1);
    add(found, {
      Name: name,
      DefaultValue: kind === '-' ? written : '',
      PresenceValue: kind === '+' ? written : '',
      Required: kind === '?',
    });
    // An error message is shown, not used.
    if (kind === '-' || kind === '+') collect(text, operand, found);
  }
}

function add(found: Found, variable: ModelVariable): void {
  const known = found.get(variable.Name);
  found.set(variable.Name, {
    Name: variable.Name,
    DefaultValue: known?.DefaultValue || variable.DefaultValue,
    PresenceValue: known?.PresenceValue || variable.PresenceValue,
    Required: known?.Required === true || variable.Required,
  });
}
