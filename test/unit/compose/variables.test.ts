import { expect, test } from 'vitest';
import { renderVariables, variablesOf } from '../../../compose/index.ts';

function rows(model: Readonly<Record<string, unknown>>): string[] {
  return Object.values(variablesOf(model)).map(
    ({ Name, Required, DefaultValue, PresenceValue }) =>
      `${Name}${Required ? '!' : ''} -${DefaultValue} +${PresenceValue}`,
  );
}

test.each([
  ['$A', ['A - +']],
  ['${A}', ['A - +']],
  ['${A:-b c}', ['A -b c +']],
  ['${A-b}', ['A -b +']],
  ['${A:-}', ['A - +']],
  ['${A:+b}', ['A - +b']],
  ['${A+b}', ['A - +b']],
  ['${A:?why}', ['A! - +']],
  ['${A?}', ['A! - +']],
  ['${A:-x${B:-y}z}', ['A -x${B:-y}z +', 'B -y +']],
  ['${A:+alt $B}', ['A - +alt $B', 'B - +']],
  ['${A:?no $B}', ['A! - +']],
  ['$$A $${B}', []],
  ['${A b', []],
  ['$B $A', ['A - +', 'B - +']],
  ['$A ${A:-x} ${A:-y} ${A:?}', ['A! -x +']],
])('%j must name %j', (text, expected) => {
  expect(rows({ services: { a: { image: text, ports: [1, null, true] } } })).toEqual(expected);
});

test('keys must name nothing', () => {
  expect(rows({ $A: [{ '${B}': 'c' }] })).toEqual([]);
});

test('json must have the names of the reference implementation, yaml small ones', () => {
  const found = variablesOf({ image: '${N:-1}' });
  expect(renderVariables(found, 'json')).toBe(`{
    "N": {
        "Name": "N",
        "DefaultValue": "1",
        "PresenceValue": "",
        "Required": false
    }
}
`);
  expect(renderVariables(found, 'yaml')).toBe(`"N":
    name: "N"
    defaultvalue: "1"
    presencevalue: ""
    required: false
`);
});
