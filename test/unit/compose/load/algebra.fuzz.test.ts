import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { renderConfig } from '../../../../compose/index.ts';
import { parseDotenv } from '../../../../compose/load/dotenv.ts';
import { shellWords } from '../../../../compose/load/shell-words.ts';
import { substitute } from '../../../../compose/load/template.ts';
import { canonicalReference, EngineError, parseReference } from '../../../../engine/api/index.ts';
import { fuzz, textOf } from '../lib/fuzz.ts';
import { loadText } from '../lib/host.ts';
import { type PlainMap, projects, reordered } from '../lib/projects.ts';

/** What `config` prints of files of which each is merged onto those before. */
function printed(text: string, ...over: readonly string[]): string {
  const names = over.map((_unused, index) => `over${index}.yaml`);
  const files = Object.fromEntries(over.map((one, index) => [`/shop/over${index}.yaml`, one]));
  const request = { files: ['compose.yaml', ...names], allResources: true };
  return renderConfig(loadText(text, { files, request }).project, 'yaml');
}

const asYaml = (project: PlainMap): string =>
  stringify(project, { aliasDuplicateObjects: false, version: '1.1' });

test('what is printed must load again as the same', () => {
  fuzz(
    fc.property(projects, (project) => {
      const once = printed(asYaml(project));
      expect(printed(once)).toBe(once);
    }),
  );
});

test('JSON must mean the same as YAML, which is how it is read by the library and by the plain reader', () => {
  fuzz(
    fc.property(projects, (project) => {
      const expected = printed(asYaml(project));
      expect(printed(JSON.stringify(project))).toBe(expected);
      expect(printed(`x-b: [a: b]\n${asYaml(project)}`).replace('x-b:\n  - a: b\n', '')).toBe(
        expected,
      );
    }),
  );
});

test('the order of keys must not matter', () => {
  fuzz(
    fc.property(projects, fc.nat(5), (project, turn) => {
      expect(printed(asYaml(reordered(project, turn) as PlainMap))).toBe(printed(asYaml(project)));
    }),
  );
});

test('a file that says nothing must change nothing', () => {
  fuzz(
    fc.property(
      projects,
      fc.constantFrom('services: {}', 'services: {web: {}}', 'x-y: 1', '{}'),
      (project, nothing) => {
        const expected = printed(
          asYaml({ ...project, services: { web: { image: 'x' }, ...services(project) } }),
        );
        const merged = printed(
          asYaml({ ...project, services: { web: { image: 'x' }, ...services(project) } }),
          nothing,
        );
        expect(merged.replace('x-y: 1\n', '')).toBe(expected);
      },
    ),
  );
});

const services = (project: PlainMap): PlainMap => project['services'] as PlainMap;

test('words in single quotes must be split as they were joined', () => {
  fuzz(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
      const quoted = words.map((word) => `'${word.replaceAll("'", "'\"'\"'")}'`).join(' ');
      expect(shellWords(quoted)).toEqual({ words, cut: null });
    }),
  );
});

test('words of any kind must be split or refused', () => {
  const pieces = [
    'a',
    ' ',
    '\t',
    '\n',
    '"',
    "'",
    '\\',
    '$',
    '(',
    ')',
    '`',
    ';',
    '&',
    '|',
    '#',
    '$(',
  ];
  fuzz(
    fc.property(textOf(pieces), (text) => {
      const split = shellWords(text);
      if (split !== null) expect(split.words.join('').length).toBeLessThanOrEqual(text.length);
    }),
  );
});

test('dollars that are doubled must be dollars', () => {
  fuzz(
    fc.property(textOf(['$', '{', '}', 'A', ':-', 'b', '\n']), (text) => {
      expect(substitute(text.replaceAll('$', '$$$$'), { lookup: () => 'x' })).toBe(text);
    }),
  );
});

test('variables in double quotes must be read as they were written', () => {
  const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,5}$/);
  const value = fc.string({
    unit: fc.constantFrom('a', ' ', '\n', '#', "'", '=', 'é', ':', '{', '}'),
  });
  fuzz(
    fc.property(fc.dictionary(name, value), (variables) => {
      const entries = Object.entries(variables);
      const text = entries.map(([key, value]) => `${key}="${value}"\n`).join('');
      expect([...parseDotenv(text, { lookup: () => undefined })]).toEqual(entries);
    }),
  );
});

test('an image reference must be read again from its canonical form', () => {
  const pieces = [
    'redis',
    'a',
    '/',
    ':',
    '@',
    '.',
    '-',
    '_',
    '__',
    'localhost',
    '5000',
    'A',
    '[::1]',
  ];
  const digest = `sha256:${'0a'.repeat(32)}`;
  fuzz(
    fc.property(textOf([...pieces, digest, 'ghcr.io/'], 8), (text) => {
      try {
        const reference = parseReference(text);
        expect(parseReference(canonicalReference(reference))).toEqual(reference);
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }),
  );
});
