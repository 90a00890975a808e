/** Attributes of a service that exclude, need or must equal each other. */
import { isList, isMap, type TreeMap, type TreeValue } from '../tree.ts';
import { didYouMean } from '../../schema/nearest.ts';
import { shownText } from '../yaml-scalars.ts';
import { isAddress } from '../short-syntax/ports.ts';
import type { CheckScope } from './scope.ts';

export function checkServices(scope: CheckScope): void {
  for (const [name, service] of scope.services) {
    checkImage(scope, name, service);
    checkBuild(scope, name, service);
    checkNetworkMode(scope, name, service);
    checkHealthcheck(scope, name, service);
    checkDevices(scope, name, service);
    checkPorts(scope, name, service);
    checkWatch(scope, name, service);
  }
}

function checkImage(scope: CheckScope, name: string, service: TreeMap): void {
  const { image, build, provider } = service;
  if ((image !== undefined && image !== '') || build !== undefined || provider !== undefined)
    return;
  scope.keyError(
    ['services', name],
    ['missing-key', `service "${name}" has neither an image nor a build`],
    {
      hint: 'add "image:", or "build:" with the directory of its Dockerfile',
    },
  );
}

function checkBuild(scope: CheckScope, name: string, service: TreeMap): void {
  const { build, platform } = service;
  if (!isMap(build)) return;
  const path = ['services', name, 'build'];
  if (build['dockerfile'] !== undefined && build['dockerfile_inline'] !== undefined) {
    scope.keyError(
      [...path, 'dockerfile_inline'],
      [
        'conflicting-attributes',
        `build of service "${name}" has both dockerfile and dockerfile_inline`,
      ],
    );
  }
  const platforms = build['platforms'];
  const isListed =
    !isList(platforms) || platforms.length === 0 || platforms.includes(platform ?? null);
  if (typeof platform === 'string' && !isListed) {
    scope.error(
      [...path, 'platforms'],
      [
        'conflicting-attributes',
        `build.platforms of service "${name}" must include its platform "${platform}"`,
      ],
    );
  }
}

function checkNetworkMode(scope: CheckScope, name: string, service: TreeMap): void {
  const { networks } = service;
  if (service['network_mode'] === undefined || !isMap(networks)) return;
  if (Object.keys(networks).length === 0) return;
  scope.keyError(
    ['services', name, 'network_mode'],
    ['conflicting-attributes', `service "${name}" has both network_mode and networks`],
    {
      related: [{ message: 'networks at', span: scope.spanAt(['services', name, 'networks']) }],
      hint: 'keep one of them',
    },
  );
}

function checkHealthcheck(scope: CheckScope, name: string, service: TreeMap): void {
  const { healthcheck } = service;
  const test = isMap(healthcheck) ? healthcheck['test'] : undefined;
  if (!isList(test) || test.length === 0) return;
  if (['NONE', 'CMD', 'CMD-SHELL'].includes(shownText(test[0]))) return;
  scope.error(
    ['services', name, 'healthcheck', 'test', 0],
    [
      'invalid-value',
      `healthcheck.test of service "${name}" must start with "CMD", "CMD-SHELL" or "NONE"`,
    ],
    { hint: 'write the command as one string to run it in a shell' },
  );
}

function checkDevices(scope: CheckScope, name: string, service: TreeMap): void {
  const paths = [
    ['services', name, 'gpus'],
    ['services', name, 'deploy', 'resources', 'reservations', 'devices'],
  ];
  for (const path of paths) {
    const list = scope.get(...path);
    if (!isList(list)) continue;
    list.forEach((device, index) => {
      if (!isMap(device) || device['count'] === undefined || device['device_ids'] === undefined)
        return;
      scope.error(
        [...path, index],
        [
          'conflicting-attributes',
          `a device request of service "${name}" has both count and device_ids`,
        ],
      );
    });
  }
  const { devices } = service;
  if (!isList(devices)) return;
  devices.forEach((device, index) => {
    if (isMap(device) && device['source'] === '') {
      scope.engineError(
        ['services', name, 'devices', index],
        ['missing-key', `a device of service "${name}" has no source`],
      );
    }
  });
}

function checkPorts(scope: CheckScope, name: string, service: TreeMap): void {
  const { ports } = service;
  if (!isList(ports)) return;
  ports.forEach((port, index) => {
    if (!isMap(port)) return;
    const path = ['services', name, 'ports', index];
    const { target, published } = port;
    const address = port['host_ip'];
    if (typeof address === 'string' && !isAddress(address.replace(/^\[(.*)\]$/, '$1'))) {
      scope.error([...path, 'host_ip'], ['invalid-value', `invalid IP address "${address}"`]);
    }
    if (target === undefined)
      scope.error(path, ['missing-key', `a port of service "${name}" has no target`]);
    else if (typeof target === 'number' && (target < 1 || target > 65_535)) {
      const text = String(target);
      scope.engineError(
        [...path, 'target'],
        ['invalid-value', `port ${text} is not between 1 and 65535`],
        { part: { text, start: 0, end: text.length } },
      );
    }
    checkPublished(scope, [...path, 'published'], published);
    const protocol = shownText(port['protocol'] ?? 'tcp');
    if (!/^(tcp|udp|sctp)?$/i.test(protocol)) {
      scope.engineError(
        [...path, 'protocol'],
        ['invalid-value', `unknown protocol "${protocol}": it must be tcp, udp or sctp`],
        { label: didYouMean(protocol, ['tcp', 'udp', 'sctp']) },
      );
    }
  });
}

function checkPublished(
  scope: CheckScope,
  path: (string | number)[],
  published: TreeValue | undefined,
): void {
  if (typeof published !== 'string' || published === '') return;
  const match = /^(\d+)(?:-(\d+))?$/.exec(published);
  const last = Number(match?.[2] ?? match?.[1] ?? 0);
  if (match === null || last > 65_535 || last < Number(match[1])) {
    scope.engineError(path, ['invalid-value', `invalid published port "${published}"`], {
      hint: 'write a port or a range of ports, as in "8080" or "8000-8010"',
      part: { text: published, start: 0, end: published.length },
    });
  }
}

function checkWatch(scope: CheckScope, name: string, service: TreeMap): void {
  const { develop } = service;
  const watch = isMap(develop) ? develop['watch'] : undefined;
  if (!isList(watch)) return;
  watch.forEach((rule, index) => {
    if (!isMap(rule)) return;
    const path = ['services', name, 'develop', 'watch', index];
    const action = shownText(rule['action']);
    if (rule['path'] === '')
      scope.error([...path, 'path'], ['invalid-value', 'a watch rule needs a path']);
    if (action.includes('sync') && rule['target'] === undefined) {
      scope.error(path, [
        'missing-key',
        `watch action "${action}" of service "${name}" needs a target`,
      ]);
    }
    if (action === 'rebuild' && service['build'] === undefined) {
      scope.warn([...path, 'action'], `service "${name}" has no build, so watch cannot rebuild it`);
    }
  });
}
