/**
 * Our schema beside the specification's own, where the machine has it. Every difference is a class in a table with its
 * reason; one that no class explains is a failure, and so is a class that explains nothing any more.
 */
import { Ajv, type ValidateFunction } from 'ajv';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Findings } from '../../../../compose/load/findings.ts';
import { interpolate } from '../../../../compose/load/interpolate.ts';
import { parse } from '../../../../compose/load/parse.ts';
import { composeSchema } from '../../../../compose/schema/derive.ts';
import { differencesOf, facetsOf, type Schema } from './facets.ts';

const reference = new URL('../../../../../shared/', import.meta.url);
const official = new URL('reference/compose-spec.json', reference);
const corpus = new URL('conformance/compose-config/open.jsonl', reference);

interface Class {
  readonly differs: RegExp;
  readonly because: string;
}

/** [unexplained differences, classes that explain nothing]. */
function judge(differences: readonly string[], classes: readonly Class[]): [string[], string[]] {
  const known = (text: string): boolean => classes.some(({ differs }) => differs.test(text));
  const isUsed = ({ differs }: Class): boolean => differences.some((text) => differs.test(text));
  return [
    differences.filter((text) => !known(text)),
    classes.filter((one) => !isUsed(one)).map(({ because }) => because),
  ];
}

function officialSchema(): Schema {
  const { $schema, $id, ...schema } = JSON.parse(readFileSync(official, 'utf8')) as Schema &
    Record<'$schema' | '$id', string>;
  expect([$schema, $id]).toHaveLength(2);
  return schema;
}

const structure: readonly Class[] = [
  {
    differs: /^version: type number \(ours\)/,
    because: 'the key is dropped with a warning whatever it holds',
  },
  {
    differs: /^include: type null \(ours\)/,
    because: 'docker compose takes an empty include, although its schema does not',
  },
  {
    differs: /^(networks|models)(: keys|\.\*: keys|: open|: closed)/,
    because: 'a name of any form is judged like the others, not let through without a look',
  },
  {
    differs:
      /(driver_opts|ulimits|logging\.options|provider\.options|services\.\*\.models): (open|closed)/,
    because: 'keys that no pattern admits are mistakes: nothing can be done with them',
  },
  {
    differs: /^(secrets|configs)\.\*\.external: /,
    because: 'the object has one key, as in networks and volumes',
  },
  {
    differs: /^services\.\*\.gpus(\.\[\])?: (open|closed|keys)/,
    because: 'the specification closes the list instead of its items, by mistake',
  },
  {
    differs: /^services\.\*\.gpus: (value all|pattern \^all\$)/,
    because: 'the same, written so that it says nothing of lists',
  },
  {
    differs: /^services\.\*\.(container_name|pull_policy): pattern/,
    because: 'the pattern holds for all of the text: "my app" names no container',
  },
  {
    differs: /^services\.\*\.cpu_percent: type/,
    because: 'the text of the specification speaks of a percentage, not of a whole one',
  },
  {
    differs: /^services\.\*\.models\.\*: type null/,
    because: 'a model without settings is the long form of a list item',
  },
  {
    differs: /^services\.\*\.(ports|volumes): unique items \(theirs\)/,
    because: 'repetitions are dropped by unique.ts, and comparing objects takes quadratic time',
  },
  {
    differs: /^services\.\*\.build\.no_cache_filter(\.\[\])? \(ours\)/,
    because: 'later than the schema: compose-spec build.md, docker compose 5.0',
  },
  {
    differs: /^services\.\*\.pre_start\b.* \(ours\)/,
    because: 'later than the schema: docker compose 5.0',
  },
  {
    differs:
      /^services\.\*\.(post_start\.\[\]|pre_stop\.\[\]|develop\.watch\.\[\]\.exec)\.(image|per_replica) \(ours\)/,
    because: 'keys of pre_start, whose shape all hooks share',
  },
];

test.skipIf(!existsSync(official))(
  'every path, type, value, pattern and bound of the specification must be in our schema',
  () => {
    const theirs = facetsOf(officialSchema());
    expect(theirs.size).toBeGreaterThan(400);
    const differences = differencesOf(facetsOf(composeSchema), theirs);
    expect(judge(differences, structure)).toEqual([[], []]);
  },
);

/** Where one of the two refuses what the other accepts. */
const verdicts: readonly Class[] = [
  {
    differs: /^theirs: services\.\* additionalProperties .*pre_start/,
    because: 'later than the schema: docker compose 5.0',
  },
  {
    differs: /^theirs: services\.\*\.models\S* (oneOf|type)/,
    because: 'a model without settings is the long form of a list item',
  },
  {
    differs: /^theirs: services\.\*\.ports uniqueItems/,
    because: 'repetitions are dropped by unique.ts before the check',
  },
];

interface Case {
  readonly input: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Every document of every compose file once, as it is after interpolation. */
function* documents(): Generator {
  const seen = new Set<string>();
  for (const line of readFileSync(corpus, 'utf8').trim().split('\n')) {
    const { input, env = {} } = JSON.parse(line) as Case;
    const variables: Readonly<Record<string, string>> = { COMPOSE_PROJECT_NAME: 'project', ...env };
    for (const [file, text] of Object.entries(input)) {
      if (!/\.ya?ml$/.test(file) || seen.has(text)) continue;
      seen.add(text);
      const findings = new Findings();
      for (const { root } of parse({ file, shown: file, text }, findings)) {
        interpolate(root, { findings, lookup: (name) => variables[name] });
        // The tree's objects have no prototype, which ajv's comparison of objects needs.
        yield JSON.parse(JSON.stringify(root));
      }
    }
  }
}

function refusals(judgeOf: ValidateFunction, document: unknown): string[] {
  if (judgeOf(document)) return [];
  return (judgeOf.errors ?? []).map(({ instancePath, keyword, params }) => {
    const [section, ...rest] = instancePath.split('/').slice(1);
    const steps = rest.map((step, at) => (at === 0 ? '*' : /^\d+$/.test(step) ? '[]' : step));
    return `${[section ?? '', ...steps].join('.')} ${keyword} ${JSON.stringify(params)}`;
  });
}

test.skipIf(!existsSync(official) || !existsSync(corpus))(
  'every compose file of the corpus must be judged as the specification does',
  { timeout: 60_000 },
  () => {
    const options = { allErrors: true, strict: false };
    const ours = new Ajv(options).compile(composeSchema);
    const theirs = new Ajv(options).compile(officialSchema());
    const differences = new Set<string>();
    const counts = { accepted: 0, refused: 0, differing: 0 };
    for (const document of documents()) {
      const [mine, other] = [refusals(ours, document), refusals(theirs, document)];
      if (mine.length === 0 && other.length === 0) counts.accepted += 1;
      else if (mine.length > 0 && other.length > 0) counts.refused += 1;
      else {
        counts.differing += 1;
        for (const text of mine) differences.add(`ours: ${text}`);
        for (const text of other) differences.add(`theirs: ${text}`);
      }
    }
    expect(counts.accepted).toBeGreaterThan(1000);
    expect(counts.refused).toBeGreaterThan(20);
    expect(judge([...differences], verdicts)).toEqual([[], []]);
  },
);
