import { expect, test } from 'vitest';
import { composeErrorsOf } from '../../../../compose/index.ts';
import { loadText } from '../lib/host.ts';

/**
 * Typing mistakes in a file that is right: each word marked with «» in turn, changed by one of the kinds below with a
 * seeded generator. The suggestion must be the word that was there.
 */
const right = `
«services»:
  web:
    «image»: nginx
    «environment»: {A: b}
    «depends_on»:
      «database»:
        «condition»: «service_healthy»
        «required»: true
    «container_name»: front
    «healthcheck»:
      «test»: [CMD, "true"]
      «interval»: 10s
      «start_period»: 1s
      «retries»: 3
    «ports»:
      - {«target»: 80, «published»: "8080", «protocol»: tcp}
    «volumes»:
      - {type: «volume», «source»: «uploads», target: /data}
    «networks»: [«frontend»]
    «secrets»: [«api_token»]
    «configs»: [«nginx-conf»]
    «deploy»:
      «replicas»: 1
      «resources»: {«limits»: {«memory»: 1g}, «reservations»: {cpus: "1"}}
      «update_config»: {«parallelism»: 1, order: «start-first»}
      «restart_policy»: {«max_attempts»: 3}
    «stop_grace_period»: 5s
    «security_opt»: [a]
    «working_dir»: /app
    «entrypoint»: [a]
    «command»: [b]
    «labels»: {a: b}
    «logging»: {«driver»: local}
    «privileged»: true
    «read_only»: true
    «extra_hosts»: [a=10.0.0.1]
  worker:
    «build»:
      «context»: .
      «dockerfile»: Dockerfile
      «additional_contexts»: {a: b}
    «develop»:
      «watch»: [{path: ., «action»: «rebuild»}]
    network_mode: service:«database»
  database:
    image: postgres
«networks»:
  frontend:
    «internal»: true
    «ipam»: {config: [{«subnet»: 10.0.0.0/24}]}
«volumes»:
  uploads:
    «driver_opts»: {a: b}
«secrets»:
  api_token: {«environment»: TOKEN}
«configs»:
  nginx-conf: {«content»: a}
`;

/** Park and Miller's generator: the same mistakes on every machine. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

type Mistake = (word: string, random: (below: number) => number) => string;

const letters = 'abcdefghijklmnopqrstuvwxyz';
const at = (word: string, random: (below: number) => number): number => random(word.length);
const cut = (word: string, from: number, by: number, put = ''): string =>
  word.slice(0, from) + put + word.slice(from + by);

const mistakes: Readonly<Record<string, Mistake>> = {
  deletion: (word, random) => cut(word, at(word, random), 1),
  insertion: (word, random) => cut(word, at(word, random), 0, letters[random(26)]),
  substitution: (word, random) => cut(word, at(word, random), 1, letters[random(26)]),
  transposition: (word, random) => {
    const from = random(word.length - 1);
    return cut(word, from, 2, `${word[from + 1] ?? ''}${word[from] ?? ''}`);
  },
  repetition: (word, random) => {
    const from = at(word, random);
    return cut(word, from, 0, word[from]);
  },
  capital: (word) => word.charAt(0).toUpperCase() + word.slice(1),
  separator: (word) =>
    /[-_]/.test(word) ? word.replace(/[-_]/, (mark) => (mark === '-' ? '_' : '-')) : word,
  camel: (word) => word.replaceAll(/[-_](.)/g, (_, letter: string) => letter.toUpperCase()),
  number: (word) => (word.endsWith('s') ? word.slice(0, -1) : `${word}s`),
};

interface Typo {
  readonly kind: string;
  readonly word: string;
  readonly typed: string;
  readonly text: string;
}

function* typos(): Generator<Typo> {
  const pieces = right.split(/[«»]/);
  const random = generator(20_261_120);
  const kinds = Object.keys(mistakes);
  for (let turn = 0; ; turn += 1) {
    // Every second piece is a marked word.
    const place = 1 + 2 * (turn % ((pieces.length - 1) / 2));
    const word = pieces[place] ?? '';
    const kind = kinds[random(kinds.length)] ?? '';
    const typed = mistakes[kind]?.(word, random) ?? word;
    if (typed === word) continue;
    yield {
      kind,
      word,
      typed,
      text: pieces.map((piece, index) => (index === place ? typed : piece)).join(''),
    };
  }
}

/** What the error about the typed word suggests; null: nothing, or the file was taken. */
function suggestion({ text, typed }: Typo): string | null {
  try {
    loadText(text);
  } catch (error) {
    const about = composeErrorsOf(error)?.find(({ message }) => message.includes(`"${typed}"`));
    return /did you mean "(.*)"\?/.exec(about?.label ?? '')?.[1] ?? null;
  }
  return null;
}

test('the file without a mistake must load', () => {
  expect(loadText(right.replaceAll(/[«»]/g, '')).warnings).toEqual([]);
});

test('of 400 typing mistakes 19 in 20 must be understood', () => {
  const made = typos();
  const wrong: string[] = [];
  for (let count = 0; count < 400; count += 1) {
    const typo = made.next().value as Typo;
    const found = suggestion(typo);
    if (found !== typo.word)
      wrong.push(`${typo.kind}: ${typo.typed} → ${String(found)}, not ${typo.word}`);
  }
  expect(wrong.length > 20 ? wrong : []).toEqual([]);
});
