import { describe, expect, test } from 'vitest';
import { composeErrorsOf, renderConfig } from '../../../../compose/index.ts';
import { loadText } from '../lib/host.ts';
import { mapPositions } from '../lib/map-positions.ts';

/** Keys that every object of JavaScript seems to have. */
const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
const positions = mapPositions();
const inherited = Object.getOwnPropertyNames(Object.prototype).sort();

/** What loading gives: the printed project, or the codes of the errors. */
function outcome(text: string): { readonly printed?: string; readonly codes?: readonly string[] } {
  try {
    return { printed: renderConfig(loadText(text).project, 'yaml') };
  } catch (error) {
    const codes = composeErrorsOf(error)?.map(({ code }) => code);
    if (codes === undefined) throw error;
    return { codes };
  } finally {
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(inherited);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }
}

test('the schema must have as many places for mappings as are known to it', () => {
  expect(positions.filter(({ names }) => names !== null).length).toBeGreaterThan(30);
  expect(positions.filter(({ names }) => names === null).length).toBeGreaterThan(40);
});

describe.each(keys)('the key %s', (key) => {
  test.each(positions.filter(({ names }) => names !== null))(
    'must be treated as any other at $path',
    ({ names, fileWith }) => {
      const other = outcome(fileWith('other'));
      const own = outcome(fileWith(key));
      if (names?.test(key) === false) {
        expect(own.codes).toContain('invalid-value');
        return;
      }
      expect(own.codes).toEqual(other.codes);
      const renamed = other.printed?.replaceAll('other', key);
      // Where it stands among its neighbours, and whether it needs quotes, depends on its letters.
      const sorted = (text: string | undefined): string[] | undefined =>
        text?.replaceAll('"', '').split('\n').sort();
      expect(sorted(own.printed)).toEqual(sorted(renamed));
    },
  );

  test.each(positions.filter(({ names }) => names === null))(
    'must be unknown at $path',
    ({ fileWith }) => {
      const { codes } = outcome(fileWith(key, '{polluted: true}'));
      expect(codes?.filter((code) => code === 'unknown-key' || code === 'include')).toHaveLength(1);
    },
  );

  test('must be kept in what is the user’s own', () => {
    const text = `{x-a: {${key}: {polluted: b}}, services: {web: {image: x, x-b: {${key}: {c: d}}}}}`;
    expect(outcome(text).printed).toContain(`${key}:\n    polluted: b`);
    expect(outcome(text).printed).toContain(`${key}:\n        c: d`);
  });

  test('must be merged as any other', () => {
    const { project } = loadText(`services: {web: {image: x, labels: {${key}: a, b: c}}}`, {
      request: { files: ['compose.yaml', 'over.yaml'] },
      files: {
        '/shop/over.yaml': `services: {web: {labels: {${key}: d}, extends: {service: base}}, base: {image: y, environment: {${key}: e}}}`,
      },
    });
    expect(Object.entries(project.services['web']?.labels ?? {})).toContainEqual([key, 'd']);
    expect(Object.entries(project.services['web']?.environment ?? {})).toEqual([[key, 'e']]);
  });
});
