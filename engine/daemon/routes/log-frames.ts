/** Log records as the bytes of an answer: framed, or raw for a terminal. */
import { encodeFrames } from '../../api/index.ts';
import type { LogRecord } from './containers-backend.ts';

export interface LogFormat {
  readonly isFramed: boolean;
  readonly hasTimestamps: boolean;
  /** Put behind the timestamp, with a space; null: not asked for. */
  readonly details: string | null;
}

export async function* formatLogs(
  batches: AsyncIterable<readonly LogRecord[]>,
  format: LogFormat,
): AsyncGenerator<Uint8Array> {
  const formatRecord = createFormatter(format);
  for await (const batch of batches) {
    // One write per batch: a line at a time would cost a system call each.
    if (batch.length > 0) yield Buffer.concat(batch.map(formatRecord));
  }
}

const lineFeed = 10;

function createFormatter({
  isFramed,
  hasTimestamps,
  details,
}: LogFormat): (record: LogRecord) => Uint8Array {
  const stamp = createStamper();
  const detail = Buffer.from(details === null ? '' : `${details} `);
  const hasPrefix = hasTimestamps || details !== null;
  const prefixOf = (timeNs: bigint): Uint8Array =>
    hasTimestamps ? Buffer.concat([stamp(timeNs), detail]) : detail;
  // A piece that continues a line gets no second timestamp.
  const isInsideLine = { stdout: false, stderr: false };
  return ({ stream, timeNs, bytes }) => {
    const isStart = !isInsideLine[stream];
    isInsideLine[stream] = bytes.at(-1) !== lineFeed;
    const payload = isStart && hasPrefix ? Buffer.concat([prefixOf(timeNs), bytes]) : bytes;
    return isFramed ? encodeFrames(stream, payload) : payload;
  };
}

/** RFC 3339 with nine digits always, so that columns align, and a space. Seconds repeat, so their text is kept. */
function createStamper(): (timeNs: bigint) => Uint8Array {
  let lastSecond = -1n;
  let text = '';
  return (timeNs) => {
    const second = timeNs / 1_000_000_000n;
    if (second !== lastSecond) {
      lastSecond = second;
      text = new Date(Number(second) * 1000).toISOString().slice(0, 19);
    }
    const fraction = (timeNs % 1_000_000_000n).toString().padStart(9, '0');
    return Buffer.from(`${text}.${fraction}Z `);
  };
}
