import { readFileSync } from 'node:fs';

/** Changes with every boot; records of kernel objects carry it and are void when it differs. random(4). */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
