/**
 * One record as a file: an envelope of schema version, key, boot id and checksum around the body. Decoding gives a
 * reason instead of throwing, because a corrupt record must take nobody else down.
 */
import { createHash } from 'node:crypto';

export interface Envelope {
  /** Version of the body's schema when it was written; a newer engine may have written it. */
  readonly schema: number;
  readonly key: string;
  /** Boot during which the record holds; null when it outlives reboots. */
  readonly boot: string | null;
  readonly body: JsonObject;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export type Decoded =
  | { readonly isOk: true; readonly envelope: Envelope }
  | { readonly isOk: false; readonly reason: string };

export function encodeRecord(envelope: Envelope): string {
  const body = JSON.stringify(envelope.body);
  const { schema, key, boot } = envelope;
  return `${JSON.stringify({ schema, key, boot, checksum: checksumOf(envelope, body) }).slice(0, -1)},"body":${body}}\n`;
}

export function decodeRecord(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return bad(text === '' ? 'the file is empty' : `not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) return bad('not an object');
  const { schema, key, boot, checksum, body } = value;
  if (typeof schema !== 'number' || !Number.isSafeInteger(schema) || schema < 1)
    return bad('no schema version');
  if (typeof key !== 'string') return bad('no key');
  if (boot !== null && typeof boot !== 'string') return bad('no boot id');
  if (!isObject(body)) return bad('no body');
  const envelope = { schema, key, boot, body };
  if (checksum !== checksumOf(envelope, JSON.stringify(body))) return bad('the checksum differs');
  return { isOk: true, envelope };
}

/** Covers the envelope too, so that a record copied under another key or schema does not pass. */
function checksumOf({ schema, key, boot }: Envelope, body: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([schema, key, boot]))
    .update(body);
  return hash.digest('hex').slice(0, 32);
}

function bad(reason: string): Decoded {
  return { isOk: false, reason };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A file name for any key: ids and names stay readable, all else is escaped, what is too long is hashed. */
export function fileNameOf(key: string): string {
  // encodeURIComponent escapes the slash; a leading dot would hide the file or name a parent.
  const escaped = encodeURIComponent(key).replace(/^\./, '%2E');
  const stem =
    escaped.length <= 200 ? escaped : `%${createHash('sha256').update(key).digest('hex')}`;
  return `${stem}.json`;
}

/** The key of a file's name; null when the name does not say it. */
export function keyOfFileName(name: string): string | null {
  const stem = /^(.*)\.json$/.exec(name)?.[1];
  if (stem === undefined) return null;
  try {
    const key = decodeURIComponent(stem);
    return fileNameOf(key) === name ? key : null;
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

/**
 * The fields of `body` that `value` was not read into, as a tree: a newer engine wrote them, and this one gives
 * them back on the next write.
 */
export function unknownFields(body: JsonObject, value: JsonObject): JsonObject | null {
  const unknown: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, content] of Object.entries(body)) {
    if (!Object.hasOwn(value, name)) unknown[name] = content;
    else if (isObject(content) && isObject(value[name])) {
      const inner = unknownFields(content, value[name]);
      if (inner !== null) unknown[name] = inner;
    }
  }
  return Object.keys(unknown).length === 0 ? null : unknown;
}

export function withUnknownFields(value: JsonObject, unknown: JsonObject | null): JsonObject {
  if (unknown === null) return value;
  const merged: Record<string, unknown> = { ...value };
  for (const [name, content] of Object.entries(unknown)) {
    const known = merged[name];
    if (known === undefined) merged[name] = content;
    else if (isObject(known) && isObject(content)) merged[name] = withUnknownFields(known, content);
  }
  return merged;
}
