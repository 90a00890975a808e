import type { TSchema } from 'typebox';
import {
  boolOrString,
  either,
  listOf,
  mapOf,
  nameKeys,
  nothing,
  number,
  object,
  shared,
  setOf,
  string,
  stringOrNumber,
} from './shapes.ts';

/** `true`, or the older `{name: …}`. */
export const external: TSchema = either(boolOrString, object({ name: string }));

/** networks.*. */
export const network: TSchema = either(
  nothing,
  object({
    attachable: boolOrString,
    driver: string,
    driver_opts: mapOf(stringOrNumber),
    enable_ipv4: boolOrString,
    enable_ipv6: boolOrString,
    external,
    internal: boolOrString,
    ipam: object({
      config: listOf(
        object({ aux_addresses: mapOf(string), gateway: string, ip_range: string, subnet: string }),
      ),
      driver: string,
      options: mapOf(string),
    }),
    labels: shared('labels'),
    name: string,
  }),
);

/** services.*.networks. */
export const serviceNetworks: TSchema = either(
  setOf(string),
  mapOf(
    either(
      nothing,
      object({
        aliases: shared('strings'),
        driver_opts: mapOf(stringOrNumber),
        gw_priority: number,
        interface_name: string,
        ipv4_address: string,
        ipv6_address: string,
        link_local_ips: shared('strings'),
        mac_address: string,
        priority: number,
      }),
    ),
    nameKeys,
  ),
);
