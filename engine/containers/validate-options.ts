/** Options of the host that are wrong, or that nothing here can carry out, in Docker's words. */
import type { ContainerCreateRequest, HostConfig } from '../api/index.ts';
import { capabilityNames, parseSecurityOptions } from '../runtime/index.ts';

type Check = readonly [isWrong: boolean, message: string];

/** Throws at a word of `SecurityOpt` that is none. */
export function optionProblems({
  HostConfig: host = {},
}: ContainerCreateRequest): readonly string[] {
  parseSecurityOptions(host.SecurityOpt ?? []);
  const { Isolation = '', OomScoreAdj = 0, Annotations } = host;
  const checks: readonly Check[] = [
    [
      !['', 'default'].includes(Isolation),
      `invalid isolation (${Isolation}): linux only supports 'default'`,
    ],
    [
      OomScoreAdj < -1000 || OomScoreAdj > 1000,
      `Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`,
    ],
    [
      Object.hasOwn(Annotations ?? {}, ''),
      'invalid Annotations: the empty string is not permitted as an annotation key',
    ],
    ...storageChecks(host),
    ...capabilityChecks('CapAdd', host.CapAdd),
    ...capabilityChecks('CapDrop', host.CapDrop),
  ];
  return checks.filter(([isWrong]) => isWrong).map(([, message]) => message);
}

function storageChecks({ StorageOpt }: HostConfig): readonly Check[] {
  return Object.keys(StorageOpt ?? {}).map((key): Check => {
    const isSize = key.toLowerCase() === 'size';
    const quota = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
    return [true, isSize ? quota : `Unknown option ${key}`];
  });
}

function capabilityChecks(
  field: 'CapAdd' | 'CapDrop',
  names: readonly string[] | null | undefined,
): readonly Check[] {
  const known: readonly string[] = ['ALL', ...capabilityNames];
  return (names ?? []).map((written): Check => {
    const name = written.toUpperCase().replace(/^CAP_/, '');
    return [!known.includes(name), `invalid ${field}: unknown capability: "CAP_${name}"`];
  });
}
