/** A line as a message of syslog: `<priority>`, then what each format says, as Docker's driver fills it in. */
import type { LogEntry } from './entries.ts';

export type SyslogFormat = 'unix' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';

export interface SyslogFacts {
  readonly format: SyslogFormat;
  readonly facility: number;
  /** How a message ends on a stream: its length before it (RFC 5425 §4.3), or a line feed behind it. */
  readonly hasLength: boolean;
  readonly tag: string;
  readonly hostname: string;
  readonly pid: number;
}

const severities = { stdout: 6, stderr: 3 } as const;
const lineEnd = Buffer.from('\n');

export function syslogMessage(facts: SyslogFacts, { stream, timeNs, line }: LogEntry): Buffer {
  const priority = facts.facility * 8 + severities[stream];
  const head = Buffer.from(`<${priority}>${headOf(facts, timeNs)}`);
  const message = [head, line, lineEnd];
  if (!facts.hasLength) return Buffer.concat(message);
  const length = head.length + line.length + lineEnd.length;
  return Buffer.concat([Buffer.from(`${length} `), ...message]);
}

function headOf({ format, tag, hostname, pid }: SyslogFacts, timeNs: bigint): string {
  const time = new Date(Number(timeNs / 1_000_000n));
  switch (format) {
    case 'unix':
      return `${stamp(time)} ${tag}[${pid}]: `;
    case 'rfc3164':
      return `${stamp(time)} ${hostname} ${tag}[${pid}]: `;
    case 'rfc5424':
      return headOf5424(`${time.toISOString().slice(0, 19)}Z`, { tag, hostname, pid });
    case 'rfc5424micro': {
      const micros = String((timeNs / 1000n) % 1_000_000n).padStart(6, '0');
      const stamped = `${time.toISOString().slice(0, 19)}.${micros}Z`;
      return headOf5424(stamped, { tag, hostname, pid });
    }
  }
}

/** The tag is both APP-NAME and MSGID, as Docker has it. */
function headOf5424(
  time: string,
  { tag, hostname, pid }: Pick<SyslogFacts, 'tag' | 'hostname' | 'pid'>,
): string {
  const name = printable(tag);
  return `1 ${time} ${hostname} ${name} ${pid} ${name} - `;
}

/** RFC 5424 §6: a name is printable and has no spaces. */
function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, '_') || '-';
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 3164 §4.1.2: the sender's own time, without year and zone. */
function stamp(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = String(time.getDate()).padStart(2, ' ');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${months[time.getMonth()] ?? ''} ${day} ${clock}`;
}
