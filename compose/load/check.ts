import type { Findings } from './findings.ts';
import { checkDependencies } from './rules/depends-on.ts';
import { checkServices } from './rules/exclusive.ts';
import { checkMounts } from './rules/mounts.ts';
import { checkReferences } from './rules/references.ts';
import { checkResources } from './rules/resources.ts';
import { checkScale } from './rules/scale.ts';
import { type CheckOptions, CheckScope } from './rules/scope.ts';
import { checkValues } from './rules/values.ts';
import type { TreeMap } from './tree.ts';

/** What holds for resources whether or not a service uses them. */
export function checkTopLevel(root: TreeMap, findings: Findings): void {
  checkResources(new CheckScope(root, findings));
}

/** Rules that relate attributes to each other, over the services that are enabled. */
export function checkConsistency(
  root: TreeMap,
  findings: Findings,
  options: CheckOptions = {},
): void {
  const scope = new CheckScope(root, findings, options);
  checkServices(scope);
  checkMounts(scope);
  checkValues(scope);
  checkReferences(scope);
  checkScale(scope);
  checkDependencies(scope);
}
