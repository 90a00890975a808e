/** What address.ts asks of the machine. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolveAddress, type EngineAddress } from './address.ts';

export function addressOnThisMachine(host: string | undefined): EngineAddress {
  return resolveAddress({ host, env: process.env, home: homedir(), readFile, sha256 });
}

function readFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Whatever hinders us from reading another program's configuration, it selects nothing then.
    return null;
  }
}

/** Loaded here because it costs 3 ms, and only a selected context needs it. */
function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}
