/**
 * Options of the driver "local": what mount(8) takes, in Docker's words (moby `volume/local/local_unix.go`). A volume with
 * them is mounted at its directory while a container uses it.
 */
import { VolumeError } from './errors.ts';

export type DriverOptions = Readonly<Record<string, string>>;

const needs: readonly (readonly [option: string, needed: readonly string[]])[] = [
  ['device', ['type']],
  ['type', ['device']],
  ['o', ['device', 'type']],
];
const known: readonly string[] = ['type', 'o', 'device', 'size'];

/** Throws for what is wrong with them; whether they can be mounted is found out when they are. */
export function checkDriverOptions(name: string, options: DriverOptions): void {
  const fail = (reason: string, option: string): VolumeError =>
    new VolumeError('invalid-option', `create ${name}: ${reason}`, { fields: { name, option } });
  for (const option of Object.keys(options))
    if (!known.includes(option)) throw fail(`invalid option: "${option}"`, option);
  const { type, device, size } = options;
  if (type === 'cifs' && device !== undefined && /^(\w+:)?\/\/[^/]*:\d+(\/|$)/.test(device))
    throw fail("port not allowed in CIFS device URL, include 'port' in 'o='", 'device');
  if (size !== undefined) checkSize(size, (reason) => fail(reason, 'size'));
  for (const [option, needed] of needs)
    for (const other of options[option] === undefined ? [] : needed)
      if (options[other] === undefined) throw fail(`missing required option: "${other}"`, other);
}

/** The directories of volumes have no quota of their own; a tmpfs or a file system in a file can be given a size. */
function checkSize(size: string, fail: (reason: string) => VolumeError): void {
  const amount = /^(\d+(?:\.\d+)?) ?[kmgtp]?(?:i?b)?$/i.exec(size)?.[1];
  if (amount === undefined) throw fail(`invalid size: '${size}'`);
  if (Number(amount) > 0) throw fail('quota size requested but no quota support');
}

export interface DriverMount {
  readonly device: string;
  readonly type: string;
  /** MS_* bits. */
  readonly flags: number;
  /** A second call sets it. */
  readonly propagation: number;
  readonly data: string;
}

/** null: a directory and nothing more. */
export function driverMount({ type = '', device = '', o = '' }: DriverOptions): DriverMount | null {
  if (device === '') return null;
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const word of o.split(',')) {
    const change = flagWords.get(word);
    const moved = propagationWords.get(word);
    if (change !== undefined) flags = change.isSet ? flags | change.flag : flags & ~change.flag;
    else if (moved !== undefined) propagation = moved;
    else if (word !== '') data.push(word);
  }
  return { device, type, flags, propagation, data: data.join(',') };
}

const MS_REC = 0x4000;
const on = (flag: number): Change => ({ flag, isSet: true });
const off = (flag: number): Change => ({ flag, isSet: false });

interface Change {
  readonly flag: number;
  readonly isSet: boolean;
}

/** mount(8), and MS_* of mount(2). */
const flagWords: ReadonlyMap<string, Change> = new Map([
  ['defaults', on(0)],
  ['ro', on(0x1)],
  ['rw', off(0x1)],
  ['nosuid', on(0x2)],
  ['suid', off(0x2)],
  ['nodev', on(0x4)],
  ['dev', off(0x4)],
  ['noexec', on(0x8)],
  ['exec', off(0x8)],
  ['sync', on(0x10)],
  ['async', off(0x10)],
  ['remount', on(0x20)],
  ['mand', on(0x40)],
  ['nomand', off(0x40)],
  ['dirsync', on(0x80)],
  ['noatime', on(0x400)],
  ['atime', off(0x400)],
  ['nodiratime', on(0x800)],
  ['diratime', off(0x800)],
  ['bind', on(0x1000)],
  ['rbind', on(0x1000 | MS_REC)],
  ['relatime', on(0x200000)],
  ['norelatime', off(0x200000)],
  ['strictatime', on(0x1000000)],
  ['nostrictatime', off(0x1000000)],
]);

const propagationWords: ReadonlyMap<string, number> = new Map(
  (
    [
      ['unbindable', 0x20000],
      ['private', 0x40000],
      ['slave', 0x80000],
      ['shared', 0x100000],
    ] as const
  ).flatMap(([word, flag]) => [[word, flag] as const, [`r${word}`, flag | MS_REC] as const]),
);
