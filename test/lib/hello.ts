import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const helloExample: string = new URL('../../examples/hello', import.meta.url).pathname;

/** The port that the example publishes. */
export function helloPort(): number {
  const text = readFileSync(join(helloExample, 'compose.yaml'), 'utf8');
  const found = /(\d+)\}?:3000\b/.exec(text);
  if (found === null) throw new Error('the example publishes no port');
  return Number(found[1]);
}

/** Asks the example once and returns the count it answers. */
export async function hitCounter(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${helloPort()}/`);
  const text = await response.text();
  const count = /\d+/.exec(text)?.[0];
  if (!response.ok || count === undefined) throw new Error(`${response.status}: ${text}`);
  return Number(count);
}
