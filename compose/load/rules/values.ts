/** Values that are texts to the schema and must be of a certain form. */
import { shownText } from '../yaml-scalars.ts';
import { isList, type TreeMap } from '../tree.ts';
import type { CheckScope } from './scope.ts';

export function checkValues(scope: CheckScope): void {
  for (const [name, service] of scope.services) {
    checkRestart(scope, name, service);
    checkExpose(scope, name, service);
    checkHostname(scope, name, service);
    checkContainerName(scope, name, service);
  }
}

function checkRestart(scope: CheckScope, name: string, { restart }: TreeMap): void {
  if (restart === undefined || restart === null) return;
  if (/^(no|always|unless-stopped|on-failure(:\d+)?)$/.test(shownText(restart))) return;
  scope.engineError(
    ['services', name, 'restart'],
    ['invalid-value', `"restart" of service "${name}" cannot be "${shownText(restart)}"`],
    { hint: 'use one of "no", always, unless-stopped, on-failure and on-failure:COUNT' },
  );
}

function checkExpose(scope: CheckScope, name: string, { expose }: TreeMap): void {
  if (!isList(expose)) return;
  expose.forEach((port, index) => {
    if (isPort(shownText(port))) return;
    scope.engineError(
      ['services', name, 'expose', index],
      ['invalid-value', `"expose" of service "${name}" has no port "${shownText(port)}"`],
      { hint: 'write a port, a range, or either with a protocol, as in "8000-8010/udp"' },
    );
  });
}

function isPort(text: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) return false;
  const [, first, last = first] = match;
  return Number(first) >= 1 && Number(first) <= Number(last) && Number(last) <= 65_535;
}

/** RFC 1123 §2.1; sethostname(2) takes 64 bytes. */
function checkHostname(scope: CheckScope, name: string, { hostname }: TreeMap): void {
  if (hostname === undefined || hostname === null) return;
  const text = shownText(hostname);
  if (text.length <= 64 && /^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/.test(text)) return;
  scope.engineError(
    ['services', name, 'hostname'],
    ['invalid-value', `"hostname" of service "${name}" cannot be "${text}"`],
    { hint: 'use letters, digits, "-" and ".", at most 64, with a letter or digit at both ends' },
  );
}

/** The schema asks that such a name stands somewhere in the text, engines that nothing else does. */
function checkContainerName(scope: CheckScope, name: string, service: TreeMap): void {
  const own = service['container_name'];
  if (typeof own !== 'string' || /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(own)) return;
  scope.engineError(
    ['services', name, 'container_name'],
    ['invalid-value', `"container_name" of service "${name}" cannot be "${own}"`],
    {
      hint: 'use at least two of letters, digits, ".", "_" and "-", with a letter or digit first',
    },
  );
}
