/** What the network refuses, in the words of the API. */
import { EngineError } from '../api/index.ts';
import { NetworkError } from '../../network/index.ts';

const kindOf = {
  'invalid-argument': 'invalid-argument',
  'address-not-in-subnet': 'invalid-argument',
  'network-not-found': 'not-found',
  'name-in-use': 'conflict',
  'port-in-use': 'conflict',
  unsupported: 'not-implemented',
} as const satisfies Partial<Record<NetworkError['code'], EngineError['kind']>>;

/** null: it is none of the network's. */
export function networkFailure(
  error: unknown,
  { prefix = '', details = {} }: Words = {},
): EngineError | null {
  if (!(error instanceof NetworkError)) return null;
  const kind = (kindOf as Readonly<Record<string, EngineError['kind']>>)[error.code] ?? 'forbidden';
  return new EngineError(kind, `${prefix}${error.message}`, {
    ...(error.hint !== undefined && { hint: error.hint }),
    details: { code: error.code, ...details, ...detailsOf(error) },
    cause: error,
  });
}

interface Words {
  readonly prefix?: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** Of a port in the words of the API, where `container` is the one that is to start. */
const portKeys: Readonly<Record<string, string>> = {
  address: 'hostIp',
  container: 'holder',
  containerId: 'holderId',
};

function detailsOf({ code, fields }: NetworkError): Readonly<Record<string, string>> {
  const nameOf = (key: string): string => (code === 'port-in-use' ? (portKeys[key] ?? key) : key);
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [nameOf(key), String(value)]),
  );
}
