import type {
  Ipam,
  IpamPool,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
} from '../../api/index.ts';
import { flag, list, record, text, textMap, type Decoder } from '../server/index.ts';
import { endpointSettings } from './container-decoder.ts';

const pool = record<IpamPool>({
  Subnet: text,
  IPRange: text,
  Gateway: text,
  AuxiliaryAddresses: textMap,
});

export const networkCreateRequest: Decoder<NetworkCreateRequest> = record<NetworkCreateRequest>({
  Name: text,
  Driver: text,
  Scope: text,
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigOnly: flag,
  ConfigFrom: record({ Network: text }),
  IPAM: record<Ipam>({ Driver: text, Options: textMap, Config: list(pool) }),
  EnableIPv4: flag,
  EnableIPv6: flag,
  Options: textMap,
  Labels: textMap,
});

export const networkConnectRequest: Decoder<NetworkConnectRequest> = record<NetworkConnectRequest>({
  Container: text,
  EndpointConfig: endpointSettings,
});

export const networkDisconnectRequest: Decoder<NetworkDisconnectRequest> =
  record<NetworkDisconnectRequest>({ Container: text, Force: flag });
