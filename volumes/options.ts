/** The option words behind a mount: "ro,z,nocopy" of the short notation, "size=64m,mode=1777" of a tmpfs. */
import { VolumeError } from './errors.ts';
import type { Propagation, TmpfsMount } from './model.ts';

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'] as const;

export function isPropagation(word: string): word is Propagation {
  return (propagations as readonly string[]).includes(word);
}

export interface BindOptions {
  readonly isReadonly: boolean;
  readonly hasNoCopy: boolean;
  readonly propagation: Propagation;
}

interface BindContext {
  readonly isBind: boolean;
  readonly written: string;
}

/** What a word belongs to; of each only one can be given. */
const bindWords: ReadonlyMap<string, 'access' | 'label' | 'copy' | 'consistency' | 'propagation'> =
  new Map([
    ['ro', 'access'],
    ['rw', 'access'],
    // SELinux labels; without SELinux they mean nothing, here as in Docker.
    ['z', 'label'],
    ['Z', 'label'],
    ['nocopy', 'copy'],
    // Of Docker Desktop's file sharing; on Linux they mean nothing.
    ['consistent', 'consistency'],
    ['cached', 'consistency'],
    ['delegated', 'consistency'],
    ['default', 'consistency'],
    ...propagations.map((word) => [word, 'propagation'] as const),
  ]);

export function parseBindOptions(options: string, context: BindContext): BindOptions {
  const given = new Map<string, string>();
  for (const word of options === '' ? [] : options.split(',')) {
    const meaning = bindWords.get(word);
    if (meaning === undefined || given.has(meaning) || !isPossible(meaning, context))
      throw new VolumeError('invalid-option', `invalid mode "${options}" in "${context.written}"`, {
        fields: { option: word },
      });
    given.set(meaning, word);
  }
  const propagation = given.get('propagation') ?? '';
  return {
    isReadonly: given.get('access') === 'ro',
    hasNoCopy: given.has('copy'),
    propagation: isPropagation(propagation) ? propagation : 'rprivate',
  };
}

/** A volume is mounted privately; a host directory is never filled from the image. */
function isPossible(meaning: string, { isBind }: BindContext): boolean {
  return meaning !== (isBind ? 'copy' : 'propagation');
}

type TmpfsOptions = Omit<TmpfsMount, 'kind' | 'target'>;

/** tmpfs(5) and the mount flags that Docker lets through. */
const tmpfsFlags = ['ro', 'rw', 'exec', 'noexec', 'suid', 'nosuid', 'dev', 'nodev'] as const;
const tmpfsValues: ReadonlyMap<string, RegExp> = new Map([
  ['size', /^[0-9]+([kmg]|%)?$/i],
  ['mode', /^[0-7]{1,4}$/],
  ['uid', /^[0-9]{1,10}$/],
  ['gid', /^[0-9]{1,10}$/],
  ['nr_inodes', /^[0-9]+[kmg]?$/i],
  ['nr_blocks', /^[0-9]+[kmg]?$/i],
  ['mpol', /^[a-z]+(=[a-z]+)?(:[0-9,-]+)?$/],
]);

/** Sticky and open to all, as the kernel's own default. */
const defaultMode = 0o1777;

export function parseTmpfsOptions(options: string, target: string): TmpfsOptions {
  const words = options === '' ? [] : options.split(',');
  for (const word of words) checkTmpfsWord(word, target);
  const value = (key: string): string | undefined =>
    words.findLast((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const mode = value('mode');
  const size = bytesOf(value('size'));
  const canonical = ['ro', 'rw'];
  const others = words.filter(
    (word) =>
      !canonical.includes(word) &&
      !word.startsWith('mode=') &&
      (size === null || !word.startsWith('size=')),
  );
  return {
    isReadonly: words.findLast((word) => canonical.includes(word)) === 'ro',
    sizeBytes: size,
    mode: mode === undefined ? defaultMode : Number.parseInt(mode, 8),
    options: others,
  };
}

function checkTmpfsWord(word: string, target: string): void {
  const [key = '', ...rest] = word.split('=');
  const isFlag = rest.length === 0 && (tmpfsFlags as readonly string[]).includes(key);
  if (isFlag || tmpfsValues.get(key)?.test(rest.join('=')) === true) return;
  throw new VolumeError('invalid-option', `invalid tmpfs option "${word}" for ${target}`, {
    fields: { option: word, target },
  });
}

const units: Readonly<Record<string, number>> = { k: 1 << 10, m: 1 << 20, g: 1 << 30 };

/** Null for a part of the memory ("50%"), which only the kernel can turn into bytes. */
function bytesOf(size: string | undefined): number | null {
  const match = /^([0-9]+)([kmg]?)$/i.exec(size ?? '');
  if (match === null) return null;
  return Number(match[1]) * (units[(match[2] ?? '').toLowerCase()] ?? 1);
}
