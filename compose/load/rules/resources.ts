/** Top-level volumes, secrets and configs: where their content comes from. */
import { isMap, type TreeMap } from '../tree.ts';
import type { CheckScope } from './scope.ts';

export function checkResources(scope: CheckScope): void {
  for (const name of scope.keysOf('volumes')) checkExternalVolume(scope, name);
  for (const name of scope.keysOf('secrets')) checkContent(scope, 'secrets', name);
  for (const name of scope.keysOf('configs')) checkContent(scope, 'configs', name);
}

function checkExternalVolume(scope: CheckScope, name: string): void {
  const volume = scope.get('volumes', name);
  if (!isMap(volume) || volume['external'] !== true) return;
  for (const key of Object.keys(volume)) {
    if (key === 'name' || key === 'external' || key.startsWith('x-')) continue;
    scope.keyError(
      ['volumes', name, key],
      ['conflicting-attributes', `volume "${name}" is external, so "${key}" says nothing about it`],
      {
        hint: `remove "external", or remove "${key}"`,
      },
    );
  }
}

const contentKeys = {
  secrets: ['file', 'environment'],
  configs: ['file', 'environment', 'content'],
} as const;

function checkContent(scope: CheckScope, kind: 'secrets' | 'configs', name: string): void {
  const resource = scope.get(kind, name);
  const word = kind === 'secrets' ? 'secret' : 'config';
  const fields: TreeMap = isMap(resource) ? resource : {};
  const keys = contentKeys[kind];
  const given = keys.filter((key) => fields[key] !== undefined);
  const [first, second] = given;
  if (first !== undefined && second !== undefined) {
    scope.keyError(
      [kind, name, second],
      ['conflicting-attributes', `${word} "${name}" has both ${first} and ${second}`],
      {
        hint: 'keep one of them',
      },
    );
  } else if (first === undefined && fields['external'] !== true && fields['driver'] === undefined) {
    scope.keyError(
      [kind, name],
      ['missing-key', `${word} "${name}" has no content: it needs one of ${keys.join(', ')}`],
    );
  }
}
