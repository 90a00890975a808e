import { shownText } from './yaml-scalars.ts';
import { isList, isMap, moveEntry, newMap, spanOf, type TreeMap, type TreeValue } from './tree.ts';

/** Profiles of the request, else of COMPOSE_PROFILES. */
export function activeProfiles(
  requested: readonly string[] | undefined,
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  if (requested !== undefined && requested.length > 0) return requested;
  return (environment['COMPOSE_PROFILES'] ?? '')
    .split(',')
    .map((profile) => profile.trim())
    .filter(Boolean);
}

/** Naming a service asks for it, whatever its profiles; what else is of these is then enabled as well. */
export function profilesOfNamed(
  services: TreeValue | undefined,
  named: readonly string[],
): readonly string[] {
  return named.flatMap((name) => {
    const service = isMap(services) ? services[name] : undefined;
    const profiles = isMap(service) ? service['profiles'] : undefined;
    return isList(profiles) ? profiles.map(shownText) : [];
  });
}

export interface SplitServices {
  readonly enabled: TreeMap;
  readonly disabled: TreeMap;
}

/** Services that an active profile selects, and the others. */
export function splitByProfile(
  services: TreeValue | undefined,
  active: readonly string[],
): SplitServices {
  const all = isMap(services) ? services : newMap();
  const split = { enabled: newMap(spanOf(all)), disabled: newMap(spanOf(all)) };
  for (const name of Object.keys(all).sort()) {
    moveEntry(all, isEnabled(all[name], active) ? split.enabled : split.disabled, name);
  }
  return split;
}

function isEnabled(service: TreeValue | undefined, active: readonly string[]): boolean {
  const profiles = isMap(service) ? service['profiles'] : undefined;
  if (!isList(profiles) || profiles.length === 0 || active.includes('*')) return true;
  return profiles.some((profile) => active.includes(shownText(profile)));
}
