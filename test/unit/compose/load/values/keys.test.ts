import { expect, test } from 'vitest';
import { attribute, refusal } from './service.ts';

test.each([
  ['labels: {1: x}', 'not the number 1'],
  ['environment: {true: x}', 'not the boolean true'],
  ['environment: {1.5: x}', 'not the number 1.5'],
  ['labels: {null: x}', 'a key must be a string'],
  ['x-mine: {1: x}', 'not the number 1'],
])('a key that is no string must be refused: %s', (attributes, reason) => {
  expect(refusal(attributes)).toContain(reason);
});

test('a key in quotes is a string, as is what only looks like a boolean', () => {
  expect(attribute('environment: {"1": a, yes: b, on: c}')).toEqual({
    '1': 'a',
    yes: 'b',
    on: 'c',
  });
});
