/** Where a container's log goes, and in which form: from its options and what it is. */
import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ContainerRecord } from '../container.ts';
import { attributesOf, tagOf } from '../log-details.ts';
import type { Address } from './connection.ts';
import type { LogEntry } from './entries.ts';
import { fluentdMessage } from './fluentd-format.ts';
import { readFluentdOptions } from './fluentd-options.ts';
import { syslogMessage } from './syslog-format.ts';
import { readSyslogOptions } from './syslog-options.ts';

export interface Shipment {
  readonly messages: readonly Buffer[];
  /** What the server says when it has taken it over; null: nothing. */
  readonly answer: string | null;
}

export interface LogTarget {
  readonly address: Address;
  /** Between two attempts to connect, at first. */
  readonly retryWaitMs: number;
  readonly encode: (entries: readonly LogEntry[]) => Shipment;
}

const defaultTag = '{{.ID}}';
const syslogRetryWaitMs = 250;

/** Null for a log that stays where it is. */
export function targetOf(record: ContainerRecord): LogTarget | null {
  const { Type, Config = {} } = record.hostConfig.LogConfig ?? {};
  const tag = tagOf(record, Config['tag'] === '' ? defaultTag : (Config['tag'] ?? defaultTag));
  if (Type === 'syslog') return syslogTarget(Config, tag);
  return Type === 'fluentd' ? fluentdTarget(record, tag) : null;
}

function syslogTarget(config: Readonly<Record<string, string>>, tag: string): LogTarget {
  const { address, facility, format } = readSyslogOptions(config);
  const facts = {
    ...{ facility, format, tag, hostname: hostname() },
    hasLength: address.kind === 'tls' && format.startsWith('rfc5424'),
    // Of the engine, as Docker has it.
    pid: Number(readlinkSync('/proc/self')),
  };
  return {
    address,
    retryWaitMs: syslogRetryWaitMs,
    encode: (entries) => ({
      messages: entries.map((entry) => syslogMessage(facts, entry)),
      answer: null,
    }),
  };
}

function fluentdTarget(record: ContainerRecord, tag: string): LogTarget {
  const options = readFluentdOptions(record.hostConfig.LogConfig?.Config ?? {});
  const facts = {
    ...{ tag, containerId: record.id, containerName: record.name },
    attributes: attributesOf(record),
    hasSubSeconds: options.hasSubSeconds,
  };
  return {
    address: options.address,
    retryWaitMs: options.retryWaitMs,
    encode: (entries) => {
      const chunk = options.isAcknowledged ? randomBytes(16).toString('base64') : null;
      return { messages: [fluentdMessage(facts, entries, chunk)], answer: chunk };
    },
  };
}
