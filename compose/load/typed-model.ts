/**
 * The model of a file whose variables are kept as they were typed. A `${…}` has no value to convert, so only those short
 * forms become long ones that can be taken apart without knowing what stands in the variables.
 */
import { Findings } from './findings.ts';
import { toDevices, toMounts } from './short-syntax/mounts.ts';
import { toPorts } from './short-syntax/ports.ts';
import {
  toBuild,
  toDependencies,
  toEnvFiles,
  toExtends,
  toExternal,
  toFileReferences,
  toGpus,
  toServiceModels,
  toServiceNetworks,
} from './short-syntax/references.ts';
import { type Rule, toCleanPath, toLabels, toList } from './short-syntax/values.ts';
import { Site } from './site.ts';
import { parseTemplate, TemplateError } from './template.ts';
import { PathTable } from './tree-path.ts';
import {
  flatMapItems,
  isList,
  isMap,
  mapValues,
  type Path,
  setKey,
  spansAt,
  type TreeList,
  type TreeMap,
  type TreeValue,
} from './tree.ts';

const toCleanMounts: Rule = (value, site) => {
  const mounts = toMounts(value, site);
  if (isList(mounts)) {
    for (const mount of mounts) {
      if (isMap(mount)) mount['target'] = toCleanPath(mount['target'] ?? null, site);
    }
  }
  return mounts;
};

const rules = new PathTable<Rule>([
  ['services.*.build', toBuild],
  ['services.*.build.additional_contexts', toLabels],
  ['services.*.build.secrets', toFileReferences],
  ['services.*.configs', toFileReferences],
  ['services.*.depends_on', toDependencies],
  ['services.*.devices', eachItem(toDevices)],
  ['services.*.dns', toList],
  ['services.*.env_file', toEnvFiles],
  ['services.*.extends', toExtends],
  ['services.*.gpus', toGpus],
  ['services.*.label_file', toList],
  ['services.*.models', toServiceModels],
  ['services.*.networks', toServiceNetworks],
  ['services.*.ports', toPorts],
  ['services.*.secrets', toFileReferences],
  ['services.*.volumes', eachItem(toCleanMounts)],
  ...['networks', 'volumes', 'secrets', 'configs'].map(
    (kind) => [`${kind}.*`, toExternal] as const,
  ),
]);

/** Long forms where the text allows it, in place. */
export function typedForms(root: TreeMap): void {
  visit(root, []);
}

function visit(holder: TreeMap | TreeList, path: Path): void {
  const keys = isList(holder) ? [...holder.keys()] : Object.keys(holder);
  for (const key of keys) {
    const at = [...path, key];
    const value = (isList(holder) ? holder[Number(key)] : holder[String(key)]) ?? null;
    const changed = unlessFaulty(rules.match(at))(value, new Site(at, null, new Findings()));
    if (changed !== value && isMap(holder)) {
      setKey(holder, [String(key), changed], spansAt(holder, key));
    }
    if (isMap(changed) || isList(changed)) visit(changed, at);
  }
}

/** What cannot be taken apart stays as it is: with the value of its variables it may be right. */
function unlessFaulty(rule: Rule | undefined): Rule {
  return (value, site) => {
    if (rule === undefined) return value;
    const findings = new Findings();
    const changed = rule(value, new Site(site.path, site.span, findings));
    return findings.errors.length > 0 ? value : changed;
  };
}

/** Item by item; the colons inside of a variable's braces are none of the short syntax. */
function eachItem(rule: Rule): Rule {
  const single = unlessFaulty(rule);
  return (value, site) => {
    if (!isList(value)) return value;
    return flatMapItems(value, (item) => {
      if (typeof item !== 'string') return [item];
      const { masked, unmask } = maskVariables(item);
      const [changed] = listOf(single([masked], site));
      return [isMap(changed) ? mapValues(changed, unmask) : item];
    });
  };
}

function listOf(value: TreeValue): TreeList {
  return isList(value) ? value : [];
}

/** A text whose variables are marks, and the way back. */
function maskVariables(text: string): {
  readonly masked: string;
  readonly unmask: (value: TreeValue) => TreeValue;
} {
  const variables: string[] = [];
  let masked = '';
  let at = 0;
  for (const { start, end } of bracedIn(text)) {
    // The mark begins like a variable, so that it is no more a path than one.
    masked += `${text.slice(at, start)}$\0${variables.length}\0`;
    variables.push(text.slice(start, end));
    at = end;
  }
  masked += text.slice(at);
  const unmask = (value: TreeValue): TreeValue =>
    typeof value === 'string'
      ? value.replaceAll(/\$\0(\d+)\0/gu, (_mark, index) => variables[Number(index)] ?? '')
      : value;
  return { masked, unmask };
}

function bracedIn(text: string): readonly { readonly start: number; readonly end: number }[] {
  if (!text.includes('${')) return [];
  try {
    return parseTemplate(text).filter((part) => typeof part !== 'string');
  } catch (error) {
    // Not interpolated, so not judged either.
    if (error instanceof TemplateError) return [];
    throw error;
  }
}

/** A build argument without a value is none: it could only come from a variable. */
export function dropValuelessArguments(root: TreeMap): void {
  const services = root['services'];
  if (!isMap(services)) return;
  for (const service of Object.values(services)) {
    const build = isMap(service) ? service['build'] : undefined;
    if (isMap(build)) build['args'] = withoutValueless(build['args'] ?? null);
    if (isMap(build) && build['args'] === null) Reflect.deleteProperty(build, 'args');
  }
}

function withoutValueless(entries: TreeValue): TreeValue {
  if (isList(entries)) {
    return flatMapItems(entries, (item) =>
      typeof item === 'string' && !item.includes('=') ? [] : [item],
    );
  }
  if (!isMap(entries)) return entries;
  for (const name of Object.keys(entries)) {
    if (entries[name] === null) Reflect.deleteProperty(entries, name);
  }
  return entries;
}
