import { Ajv } from 'ajv';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { editorSchema } from '../../../../compose/schema/derive.ts';

const published = new URL('../../../../compose/schema/compose.schema.json', import.meta.url);
const official = new URL('../../../../../shared/reference/compose-spec.json', import.meta.url);

interface Note {
  readonly path: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Every attribute of every object. */
function attributesOf(root: unknown): Note[] {
  const notes: Note[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [keyword, part] of Object.entries(value)) {
      if (keyword === 'default' || keyword === 'examples') continue;
      if (keyword === 'properties') {
        for (const [name, schema] of Object.entries(part as Record<string, Note['schema']>))
          notes.push({ path: `${path}/${name}`, schema });
      }
      visit(part, `${path}/${keyword}`);
    }
  };
  visit(root, '');
  return notes;
}

const attributes = attributesOf(editorSchema);

function newAjv(): Ajv {
  const ajv = new Ajv({ strict: true, strictTypes: false, allowUnionTypes: true });
  ajv.addKeyword('deprecationMessage');
  return ajv;
}

test('the published file must be what the description gives: node cli/schema.mjs writes it', () => {
  const file: unknown = JSON.parse(readFileSync(published, 'utf8'));
  expect(file).toEqual(editorSchema);
});

test('the schema must be valid JSON Schema of draft 7', () => {
  const ajv = new Ajv();
  expect(ajv.validateSchema(editorSchema), ajv.errorsText()).toBe(true);
});

test('every attribute must have a description of one line', () => {
  expect(attributes.length).toBeGreaterThan(280);
  const wrong = attributes.filter(({ schema: { description } }) => {
    const text = typeof description === 'string' ? description : '';
    return text.length < 8 || text.length > 200 || !text.endsWith('.') || text.includes('\n');
  });
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test.skipIf(!existsSync(official))('no description may be that of the specification', () => {
  const words = (note: Note): string =>
    JSON.stringify(note.schema['description'] ?? '')
      .toLowerCase()
      .replace(/[^a-z ]/g, '');
  const theirs = new Set(attributesOf(JSON.parse(readFileSync(official, 'utf8'))).map(words));
  expect(attributes.map(words).filter((text) => theirs.has(text))).toEqual([]);
});

test('what is deprecated must be marked, with what to write instead', () => {
  const marked = attributes.filter(({ schema }) => schema['deprecated'] === true);
  expect(marked.map(({ path }) => path.split('/').at(-1))).toEqual([
    'version',
    ...Array.from({ length: 4 }, () => 'name'),
  ]);
  for (const { schema } of marked) expect(schema['deprecationMessage']).toMatch(/write|remove/);
});

test('defaults and examples must be what their attribute accepts', () => {
  const ajv = newAjv();
  ajv.addSchema({ $id: 'shared', definitions: editorSchema['definitions'] });
  const wrong = attributes.flatMap(({ path, schema }) => {
    const { default: fallback, examples = [], ...own } = schema;
    const values = [...(fallback === undefined ? [] : [fallback]), ...(examples as unknown[])];
    if (values.length === 0) return [];
    const alone = JSON.stringify(own).replaceAll('"#/', '"shared#/');
    const isValid = ajv.compile(JSON.parse(alone) as object);
    return values.flatMap((value) => (isValid(value) ? [] : [`${path}: ${JSON.stringify(value)}`]));
  });
  expect(wrong).toEqual([]);
});

describe('a file as it is being written', () => {
  const isValid = newAjv().compile(editorSchema);
  const service = (attribute: string): string => `services: { web: { ${attribute} } }`;

  test.each([
    ['a variable for a switch', service('init: "${INIT}"')],
    ['a variable for what takes no other string', service('use_api_socket: "${SOCKET:-true}"')],
    ['a variable for one of some values', service('cgroup: "${CGROUP}"')],
    ['a variable for a pattern', service('pull_policy: "${POLICY}"')],
    ['a variable for gpus', service('gpus: "${GPUS}"')],
    ['a variable for a number', 'models: { m: { model: x, context_size: "${SIZE}" } }'],
    ['short and long forms in one list', service('ports: ["80:80", 81, { target: 82 }]')],
    ['extensions', 'x-common: &common { a: 1 }\nservices: { web: { x-own: 1 } }'],
    ['a volume without content', 'services: { web: { image: a } }\nvolumes: { data: }'],
    ['merge keys', 'x-a: &a { image: a }\nservices: { web: { <<: *a, init: true } }'],
  ])('must be accepted with %s', (_name, text) => {
    isValid(parse(text, { merge: true }));
    expect(isValid.errors ?? []).toEqual([]);
  });

  test.each([
    ['an unknown key', service('imagge: a')],
    ['a value that is none of some', service('cgroup: guest')],
    ['a pattern that does not match', service('pull_policy: often')],
    ['a string for a number', 'models: { m: { model: x, context_size: much } }'],
    ['an impossible number', service('oom_score_adj: 2000')],
    ['a missing key', service('depends_on: { db: { restart: true } }')],
    ['a list for a mapping', 'services: []'],
    ['a section without content', 'services: { web: { image: a } }\nvolumes:'],
  ])('must be refused with %s', (_name, text) => {
    expect(isValid(parse(text))).toBe(false);
  });
});
