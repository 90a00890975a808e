/** What the driver options of an endpoint say of its interface, with Docker's names. */
import { EngineError } from '../api/index.ts';
import type { StringMap } from '../api/index.ts';
import type { EndpointRequest } from '../../network/index.ts';

const nameOption = 'com.docker.network.endpoint.ifname';
const sysctlsOption = 'com.docker.network.endpoint.sysctls';

/** Options that are not known are for other drivers. Throws EngineError for sysctls of another form. */
export function endpointOptions(
  options: StringMap,
): Pick<EndpointRequest, 'interfaceName' | 'sysctls'> {
  const { [nameOption]: name = '', [sysctlsOption]: sysctls = '' } = options;
  return {
    ...(name !== '' && { interfaceName: name }),
    ...(sysctls !== '' && { sysctls: Object.fromEntries(sysctls.split(',').map(parseSysctl)) }),
  };
}

/** `net.ipv4.conf.IFNAME.log_martians=1`: of this interface and of no other. */
function parseSysctl(text: string): readonly [string, string] {
  const match = /^net\.(ipv4|ipv6|mpls)\.(\w+)\.IFNAME\.(\w+)=([^\0\n]*)$/.exec(text.trim());
  const [, family = '', kind = '', setting = '', value = ''] = match ?? [];
  if (match !== null) return [`${family}/${kind}/IFNAME/${setting}`, value];
  throw new EngineError(
    'invalid-argument',
    `invalid value "${text}" of ${sysctlsOption}: not of the form net.ipv4.conf.IFNAME.SETTING=VALUE`,
  );
}
