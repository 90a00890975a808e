import { writeSync } from 'node:fs';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** One JSON object per line. A field that is an Error is written with its stack and causes. */
export type Log = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** `write` takes one line with its line feed; standard error by default. */
export function createLog(write: (line: string) => void = writeToStderr): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      const described = Object.entries(fields).map(([name, value]) => [name, describe(value)]);
      const record = {
        time: new Date().toISOString(),
        level,
        message,
        ...(Object.fromEntries(described) as LogFields),
      };
      write(`${JSON.stringify(record)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Failures of a log cannot be logged, and must not end an engine. */
const forgiven: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'EPIPE', 'ENOSPC', 'EIO']);
const standardError = 2;

function writeToStderr(line: string): void {
  try {
    writeSync(standardError, line);
  } catch (error) {
    if (!forgiven.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}

function describe(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  return {
    ...ownFields(value),
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause !== undefined && { cause: describe(value.cause) }),
    ...(value instanceof AggregateError && { errors: value.errors.map(describe) }),
  };
}

/** kind, code, errno and the like. */
function ownFields(error: Error): LogFields {
  const known = new Set(['stack', 'message', 'cause', 'errors']);
  const fields = Object.entries(error).filter(([name]) => !known.has(name));
  return Object.fromEntries(fields.map(([name, value]) => [name, describe(value)]));
}
