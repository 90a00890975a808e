/** Texts as Go's strconv, time and docker's formatter make them. */

const named: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** strconv.Quote. */
export function quote(text: string): string {
  const inner = text.replaceAll(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return (
      named[character] ??
      (code < 0x80 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
    );
  });
  return `"${inner}"`;
}

/** At most so many characters; where some are missing the last is an ellipsis. */
export function ellipsis(text: string, longest: number): string {
  const characters = Array.from(text);
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : text;
}

/** The same of a text in RFC 3339, with its fraction as it stands, in the zone it names. */
export function goTimeOf(text: string): string {
  const [, date = '', time = '', fraction = '', zone = ''] =
    /^([\d-]+)T([\d:]+)(\.\d+)?(.+)$/u.exec(text) ?? [];
  const digits = fraction.replace(/\.?0+$/u, '');
  const shown = zone === 'Z' ? '+0000 UTC' : `${zone.replace(':', '')} ${zone.replace(':', '')}`;
  return date === '' ? text : `${date} ${time}${digits} ${shown}`;
}

/** `2026-11-20 23:04:37 +0000 UTC`, in the machine's time zone. */
export function goTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString();
  const sign = minutes < 0 ? '-' : '+';
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = `${sign}${String(hours).padStart(2, '0')}${String(rest).padStart(2, '0')}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${offset} ${zoneName(date, offset)}`;
}

/** Only some locales know a zone's letters; where none does, Go repeats the offset. */
function zoneName(date: Date, offset: string): string {
  for (const locale of ['en-US', 'en-GB', 'en-AU']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts(date);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    if (/^[A-Z]{2,5}$/u.test(name)) return name;
  }
  return offset.endsWith('00') ? offset.slice(0, 3) : offset;
}

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** `1.98MB`: decimal, with so many significant digits. */
export function decimalSize(bytes: number, digits = 4): string {
  return sizeOf(bytes, { base: 1000, units: decimalUnits, digits });
}

/** `23.54GiB`. */
export function binarySize(bytes: number): string {
  return sizeOf(bytes, { base: 1024, units: binaryUnits, digits: 4 });
}

function sizeOf(
  bytes: number,
  { base, units, digits }: { base: number; units: readonly string[]; digits: number },
): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  // `%.4g`: no zeros behind the last digit, and an exponent only where 1000 to 1023 do not fit three digits.
  const short = value === 0 ? 0 : Number(value.toPrecision(digits));
  const text =
    short >= 10 ** digits ? short.toExponential().replace(/e\+(\d)$/u, 'e+0$1') : String(short);
  return `${text}${units[unit] ?? ''}`;
}
