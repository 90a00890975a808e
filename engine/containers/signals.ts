import { constants } from 'node:os';

import { EngineError } from '../api/index.ts';

const sigRtMax = 64;
const sigRtMin = 34;

/** `SIGTERM`, `TERM`, `term`, `15`, `SIGRTMIN+3` → its number (signal(7)). */
export function signalNumber(written: string): number {
  const number = tryReadSignal(written);
  if (number !== null) return number;
  throw new EngineError('invalid-argument', `invalid signal: ${written}`);
}

/** null: there is no such signal. */
export function tryReadSignal(written: string): number | null {
  const number = /^\d+$/.test(written) ? Number(written) : byName(written.toUpperCase());
  return number !== undefined && number > 0 && number <= sigRtMax ? number : null;
}

function byName(upper: string): number | undefined {
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime === null) return (constants.signals as Readonly<Record<string, number>>)[name];
  const [, base, sign, distance = '0'] = realTime;
  const from = base === 'MIN' ? sigRtMin : sigRtMax;
  const number = sign === '-' ? from - Number(distance) : from + Number(distance);
  return number >= sigRtMin ? number : undefined;
}
