import { placeOf } from '../schema/validate.ts';
import { type Cast, casts, isUnusualBoolean } from './casts.ts';
import { type FindingOptions, type Findings, partOf } from './findings.ts';
import { similarVariable, type Variables } from './env-files.ts';
import { type Lookup, substitute, TemplateError } from './template.ts';
import type { Level } from './tree-path.ts';
import {
  isList,
  isMap,
  type Path,
  setKey,
  type Span,
  spansAt,
  type TreeList,
  type TreeMap,
  type TreeValue,
} from './tree.ts';

export interface InterpolateOptions {
  readonly findings: Findings;
  /** null: leave `${…}` as written, but still cast. */
  readonly lookup: Lookup | null;
  /** To find the variable that was meant by one that is not set. */
  readonly variables?: Variables;
}

/** Applies template.ts to every scalar of a tree, in place, then the casts. Keys are never touched. */
export function interpolate(root: TreeMap, options: InterpolateOptions): void {
  if (options.lookup !== null) visit(root, { path: [], rules: casts.root }, options);
}

/** Where a walk is; one path for all of it, as few values need theirs. */
interface Walk {
  readonly path: (string | number)[];
  /** Casts for what is below. */
  readonly rules: Level<Cast> | null;
}

function visit(holder: TreeMap | TreeList, walk: Walk, options: InterpolateOptions): void {
  const { path, rules } = walk;
  const keys = isList(holder) ? holder.keys() : Object.keys(holder);
  for (const key of keys) {
    const value = isList(holder) ? holder[Number(key)] : holder[String(key)];
    const below = rules?.at(key) ?? null;
    if (isMap(value) || isList(value)) {
      path.push(key);
      visit(value, { path, rules: below }, options);
      path.pop();
    } else if (typeof value === 'string' && (below?.value !== undefined || value.includes('$'))) {
      const spans = spansAt(holder, key);
      const changed = convert(value, { path: [...path, key], span: spans.value }, options);
      if (changed === value) continue;
      if (isList(holder)) holder[Number(key)] = changed;
      else setKey(holder, [String(key), changed], spans);
    }
  }
}

interface Site {
  readonly path: Path;
  readonly span: Span | null;
}

function convert(text: string, site: Site, options: InterpolateOptions): TreeValue {
  const { lookup, findings } = options;
  if (lookup === null) return text;
  try {
    const value = substitute(text, {
      lookup,
      onUnset: (name, start, end) => {
        findings.warn(
          `variable "${name}" is not set and becomes an empty string`,
          partOf(text, site.span, { start, end }),
        );
      },
    });
    if (!findings.takesText(value.length)) {
      findings.error('too-large', 'the variables of the project make too much text', site);
      return '';
    }
    return cast(value, site, findings);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    reportTemplate(error, { ...site, text }, options);
    return text;
  }
}

function cast(text: string, site: Site, findings: Findings): TreeValue {
  const rule = casts.match(site.path);
  // No cast is of an item: where a list stands for a mapping, the schema says so.
  if (rule === undefined || typeof site.path.at(-1) === 'number') return text;
  const value = rule.convert(text);
  if (value === null) {
    findings.error(
      'invalid-type',
      `${placeOf(site.path)} must be ${rule.type}, not "${text}"`,
      site,
    );
    return text;
  }
  if (typeof value === 'boolean' && isUnusualBoolean(text)) {
    findings.warn(`"${text}" as a boolean is not YAML 1.2: write ${String(value)}`, site.span);
  }
  return value;
}

/** A variable that cannot be substituted, at its place inside the scalar. */
export function reportTemplate(
  error: TemplateError,
  site: Site & { readonly text: string },
  { findings, variables }: Pick<InterpolateOptions, 'findings' | 'variables'>,
): void {
  const span = partOf(site.text, site.span, error);
  if (error.kind === 'required') {
    findings.error('required-variable', requiredMessage(error, variables), {
      path: site.path,
      span,
      ...requiredHelp(error.variable, variables),
    });
    return;
  }
  findings.error('interpolation', `invalid variable in ${placeOf(site.path)}: ${error.message}`, {
    path: site.path,
    span,
    hint: 'write "$$" for a dollar sign that starts no variable',
  });
}

function requiredMessage(error: TemplateError, variables: Variables | undefined): string {
  const isEmpty = variables?.values[error.variable] !== undefined;
  const reason = error.message === '' ? '' : `: ${error.message}`;
  return `variable "${error.variable}" must ${isEmpty ? 'not be empty' : 'be set'}${reason}`;
}

/** Where the variable is set to nothing, or the one that was probably meant. */
function requiredHelp(
  name: string,
  variables: Variables | undefined,
): Pick<FindingOptions, 'label' | 'hint' | 'related'> {
  const hint = `set it in the environment or in .env: ${name}=…`;
  const own = variables?.places.get(name);
  if (own !== undefined) return { hint, related: [{ message: 'it is empty at', span: own }] };
  if (variables === undefined || variables.values[name] !== undefined) return { hint };
  const similar = similarVariable(name, variables);
  if (similar === null) return { hint };
  return {
    label: `did you mean "${similar.name}"?`,
    hint,
    related: [{ message: `"${similar.name}" is set at`, span: similar.span }],
  };
}
