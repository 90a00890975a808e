/**
 * Extended header records: "LENGTH KEYWORD=VALUE\n" (POSIX.1-2024 pax, "pax Extended Header"). Values are kept as
 * bytes, because an extended attribute such as security.capability is not text.
 */
import { TarError, type ByteString } from './tar-header.ts';

/** Keyword → value; a keyword that comes more than once keeps all values, which GNU's sparse format 0.0 needs. */
export type PaxRecords = ReadonlyMap<string, readonly ByteString[]>;

export function parsePax(data: Buffer): PaxRecords {
  const records = new Map<string, ByteString[]>();
  for (let offset = 0; offset < data.length;) {
    // Some writers pad with NUL up to the end of the block.
    if (data[offset] === 0) break;
    const { key, value, end } = parseRecord(data, offset);
    const known = records.get(key);
    if (known === undefined) records.set(key, [value]);
    else known.push(value);
    offset = end;
  }
  return records;
}

function parseRecord(
  data: Buffer,
  offset: number,
): { key: string; value: ByteString; end: number } {
  const blank = data.indexOf(0x20, offset);
  const digits = blank === -1 ? '' : data.toString('latin1', offset, Math.min(blank, offset + 9));
  const end = offset + Number.parseInt(digits, 10);
  if (!/^[0-9]{1,8}$/.test(digits) || end > data.length || end <= blank + 1)
    throw new TarError('an extended header has a record with a wrong length');
  const record = data.toString('latin1', blank + 1, end - 1);
  const equals = record.indexOf('=');
  if (equals < 1 || data[end - 1] !== 0x0a)
    throw new TarError('an extended header has a record that is not "keyword=value"');
  return { key: record.slice(0, equals), value: record.slice(equals + 1), end };
}

/** The last value wins, as POSIX says; an empty value means that the record is taken back. */
export function paxValue(records: PaxRecords, key: string): ByteString | undefined {
  const value = records.get(key)?.at(-1);
  return value === '' ? undefined : value;
}

export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const value = paxValue(records, key);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^[0-9]{1,16}$/.test(value) || !Number.isSafeInteger(number))
    throw new TarError(`an extended header has "${key}" = "${printable(value)}", not a number`);
  return number;
}

/** "1719324000.123456789", with a sign before 1970, to nanoseconds. */
export function paxTime(records: PaxRecords, key: string): bigint | undefined {
  const value = paxValue(records, key);
  if (value === undefined) return undefined;
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value);
  if (match === null)
    throw new TarError(`an extended header has "${key}" = "${printable(value)}", not a time`);
  const [, sign, seconds = '0', fraction = ''] = match;
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -ns : ns;
}

const xattrPrefix = 'SCHILY.xattr.';

/** Attribute name → value. A NUL in a name would cut it off in the kernel. */
export function paxXattrs(records: PaxRecords): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const [key, values] of records) {
    if (!key.startsWith(xattrPrefix)) continue;
    const name = Buffer.from(key.slice(xattrPrefix.length), 'latin1').toString();
    if (name === '' || name.includes('\0'))
      throw new TarError('an extended header has an attribute with a bad name');
    found.set(name, Buffer.from(values.at(-1) ?? '', 'latin1'));
  }
  return found;
}

/** For messages: the bytes as UTF-8, what a terminal would act upon taken out, not too long. */
export function printable(bytes: ByteString): string {
  const shown = Buffer.from(bytes, 'latin1').toString().replace(/\p{C}/gu, '\uFFFD');
  return shown.length <= 200 ? shown : `${shown.slice(0, 200)}…`;
}
