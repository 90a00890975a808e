import { expect, test } from 'vitest';

import { compareShape } from '../../lib/shapes.ts';

const recorded = {
  status: 200,
  shape: {
    '': ['array'],
    '[]': ['object'],
    '[].Id': ['string'],
    '[].Labels': ['object'],
    '[].Labels.*': ['string'],
    '[].Ports': ['array'],
    '[].Ports[]': ['object'],
    '[].Ports[].Type': ['string'],
    '[].Links': ['null'],
  },
};

const right = { Id: 'a', Labels: { 'a.b': 'c' }, Ports: [], Links: null };
const nothing = { missing: [], mistyped: [], surplus: [] };

test.each([
  ['what agrees', [right], nothing],
  ['a null of Go', [{ ...right, Labels: null, Ports: null }], nothing],
  ['a missing key', [{ ...right, Ports: [{}] }], { ...nothing, missing: ['[].Ports[].Type'] }],
  [
    'a wrong type',
    [{ ...right, Id: 1, Labels: { a: 1 } }],
    { ...nothing, mistyped: ['[].Id: number, not string', '[].Labels.*: number, not string'] },
  ],
  ['a key of ours', [{ ...right, Extra: 1 }], { ...nothing, surplus: ['[].Extra'] }],
  [
    'another top',
    { message: 'x' },
    { ...nothing, mistyped: [': object, not array'], surplus: ['message'] },
  ],
])('%s must be told', (_name, answer, differences) => {
  expect(compareShape(answer, recorded)).toEqual(differences);
});
