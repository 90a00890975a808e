/**
 * Lines as an event stream of fluentd's forward protocol
 * (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1#forward-mode), with Docker's fields.
 */
import type { LogEntry } from './entries.ts';
import { Packer } from './msgpack.ts';

export interface FluentdFacts {
  readonly tag: string;
  readonly containerId: string;
  /** Without its slash. */
  readonly containerName: string;
  /** What `labels` and `env` name. */
  readonly attributes: readonly (readonly [string, string])[];
  readonly hasSubSeconds: boolean;
}

/** `chunk` is what the server is to answer with; null asks for no answer. */
export function fluentdMessage(
  facts: FluentdFacts,
  entries: readonly LogEntry[],
  chunk: string | null,
): Buffer {
  const packer = new Packer();
  packer.array(3);
  packer.text(facts.tag);
  packer.array(entries.length);
  for (const entry of entries) {
    packer.array(2);
    if (facts.hasSubSeconds) packer.eventTime(entry.timeNs);
    else packer.uint(Number(entry.timeNs / 1_000_000_000n));
    packRecord(packer, facts, entry);
  }
  packer.map(chunk === null ? 1 : 2);
  packer.text('size');
  packer.uint(entries.length);
  if (chunk !== null) {
    packer.text('chunk');
    packer.text(chunk);
  }
  return packer.finish();
}

const ownFields = 4;
const partialFields = 4;

function packRecord(packer: Packer, facts: FluentdFacts, entry: LogEntry): void {
  const { partial } = entry;
  const field = (key: string, value: string | Buffer): void => {
    packer.text(key);
    packer.text(value);
  };
  packer.map(ownFields + facts.attributes.length + (partial === null ? 0 : partialFields));
  field('container_id', facts.containerId);
  field('container_name', `/${facts.containerName}`);
  field('source', entry.stream);
  field('log', entry.line);
  for (const [key, value] of facts.attributes) field(key, value);
  if (partial === null) return;
  field('partial_message', 'true');
  field('partial_id', partial.id);
  field('partial_ordinal', String(partial.ordinal));
  field('partial_last', String(partial.isLast));
}
