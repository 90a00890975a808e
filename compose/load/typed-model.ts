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
import { type Rule, toLabels, toList } from './short-syntax/values.ts';
import { Site } from './site.ts';
import { PathTable } from './tree-path.ts';
import {
  flatMapItems,
  isList,
  isMap,
  mapOf,
  type Path,
  setKey,
  spansAt,
  type TreeList,
  type TreeMap,
} from './tree.ts';

const toLimits: Rule = (value, site) =>
  typeof value === 'object' ? value : mapOf({ single: value }, site.span);

const rules = new PathTable<Rule>([
  ['services.*.build', toBuild],
  ['services.*.build.additional_contexts', toLabels],
  ['services.*.build.secrets', toFileReferences],
  ['services.*.build.ulimits.*', toLimits],
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
  ['services.*.ulimits.*', toLimits],
  ['services.*.volumes', eachItem(toMounts)],
  ...['networks', 'volumes', 'secrets', 'configs'].map((kind) => [`${kind}.*`, toExternal] as const),
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

function eachItem(rule: Rule): Rule {
  const single = unlessFaulty(rule);
  return (value, site) => {
    if (!isList(value)) return value;
    return flatMapItems(value, (item) => {
      const changed = single([item], site);
      return isList(changed) ? changed : [item];
    });
  };
}

/** Entries of `environment` and `build.args` without a value take the caller's, in either form. */
export function resolveTypedValueless(
  root: TreeMap,
  environment: Readonly<Record<string, string>>,
): void {
  const services = root['services'];
  if (!isMap(services)) return;
  for (const service of Object.values(services)) {
    if (!isMap(service)) continue;
    resolveEntries(service, 'environment', { environment, keepsUnset: true });
    const { build } = service;
    if (isMap(build)) resolveEntries(build, 'args', { environment, keepsUnset: false });
  }
}

interface Resolution {
  readonly environment: Readonly<Record<string, string>>;
  /** Whether what nobody gives a value is still named. */
  readonly keepsUnset: boolean;
}

function resolveEntries(holder: TreeMap, key: string, resolution: Resolution): void {
  const { environment, keepsUnset } = resolution;
  const entries = holder[key];
  if (isList(entries)) {
    holder[key] = flatMapItems(entries, (item) => {
      if (typeof item !== 'string' || item.includes('=')) return [item];
      const value = environment[item];
      if (value !== undefined) return [`${item}=${value}`];
      return keepsUnset ? [item] : [];
    });
  }
  if (!isMap(entries)) return;
  for (const name of Object.keys(entries)) {
    if (entries[name] !== null) continue;
    const value = environment[name];
    if (value !== undefined) entries[name] = value;
    else if (!keepsUnset) Reflect.deleteProperty(entries, name);
  }
}
