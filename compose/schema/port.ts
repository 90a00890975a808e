import {
  either,
  filled,
  listOf,
  number,
  object,
  optional,
  string,
  become,
  wholeNumber,
  integer,
  withShort,
} from './shapes.ts';

/** services.*.ports[]: what the host publishes of a container. */
export const port = object({
  app_protocol: optional('The protocol above TCP or UDP, for people and proxies to know.', string, {
    examples: ['http', 'https', 'postgres'],
  }),
  host_ip: optional('Address of the host to listen on; without it, all of them.', string, {
    examples: ['127.0.0.1', '::1'],
  }),
  mode: optional('On one host, "host" and "ingress" do the same.', string, { default: 'ingress' }),
  name: optional('A name for people; it changes nothing.', string),
  protocol: optional('tcp, udp or sctp.', string, { default: 'tcp' }),
  published: optional(
    'Port of the host, or a range to take a free one from; without it, any free port.',
    become<string>(either(integer, string)),
    { examples: ['8080', '8000-8010'] },
  ),
  target: filled('Port of the container.', wholeNumber, { examples: [80] }),
});

/** services.*.ports. */
export const ports = listOf(withShort(port, number, string));
