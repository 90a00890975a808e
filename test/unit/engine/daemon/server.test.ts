import { describe, expect, test } from 'vitest';

import {
  createRouter,
  decodeJson,
  flag,
  integer,
  keySet,
  list,
  parseFilters,
  parseQueryTime,
  Query,
  record,
  text,
  textMap,
  textOrTexts,
  texts,
  type Decoder,
  type Route,
} from '../../../../engine/daemon/server/index.ts';
import { splitVersion } from '../../../../engine/daemon/server/version.ts';

function route(method: Route['method'], path: string): Route {
  return { method, path, handle: () => ({ kind: 'empty', status: 200 }) };
}

describe('router', () => {
  const router = createRouter([
    route('GET', '/containers/json'),
    route('GET', '/containers/{id}/json'),
    route('DELETE', '/containers/{id}'),
    route('GET', '/images/{name+}/json'),
    route('DELETE', '/images/{name+}'),
    route('POST', '/images/load'),
    route('GET', '/_ping'),
  ]);

  test.each([
    ['GET', '/containers/json', '/containers/json {}'],
    ['GET', '/containers/web/json', '/containers/{id}/json {"id":"web"}'],
    ['GET', '/containers/a%2Fb/json', '/containers/{id}/json {"id":"a/b"}'],
    ['GET', '/images/json/json', '/images/{name+}/json {"name":"json"}'],
    ['GET', '/images/r:5000/a/b:1/json', '/images/{name+}/json {"name":"r:5000/a/b:1"}'],
    ['DELETE', '/images/a/b', '/images/{name+} {"name":"a/b"}'],
    ['GET', '/_ping', '/_ping {}'],
    ['POST', '/_ping', null],
    ['GET', '/containers/a/b/json', null],
    ['GET', '/containers//json', null],
    ['GET', '/containers/%zz/json', null],
    ['GET', '/', null],
    ['GET', '', null],
    ['GET', '/containers/json/', null],
    ['BREW', '/containers/json', null],
  ])('%s %s must find %s', (method, path, expected) => {
    const match = router.find(method, path);
    const found = match && `${match.route.path} ${JSON.stringify(match.parameters)}`;
    expect(found).toBe(expected);
  });
});

describe('version prefix', () => {
  const range = { lowest: '1.24', highest: '1.51' };

  test.each([
    ['/v1.24/info', '1.24 /info'],
    ['/v1.51/info', '1.51 /info'],
    ['/info', '1.51 /info'],
    ['/v1/info', '1.51 /v1/info'],
    ['/v1.30', '1.51 /v1.30'],
  ])('%s must be read as %s', (path, expected) => {
    const found = splitVersion(path, range);
    expect(`${found.version.major}.${found.version.minor} ${found.path}`).toBe(expected);
  });

  test.each([
    ['/v1.99/info', 'client version 1.99 is too new. Maximum supported API version is 1.51'],
    ['/v2.0/info', 'client version 2.0 is too new. Maximum supported API version is 1.51'],
    [
      '/v1.23/info',
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    ],
    ['/v1.123456/info', 'invalid API version "1.123456"'],
  ])('%s must be refused: %s', (path, message) => {
    expect(() => splitVersion(path, range)).toThrow(message);
  });
});

describe('query', () => {
  test.each(['', '0', 'no', 'false', 'none', 'FALSE', ' none '])(
    'flag "%s" must be no',
    (value) => {
      expect(new Query(`a=${encodeURIComponent(value)}`).flag('a', true)).toBe(false);
    },
  );
  test.each(['1', 'true', 'yes', 'x', '2'])('flag "%s" must be yes', (value) => {
    expect(new Query(`?a=${value}`).flag('a')).toBe(true);
  });

  test('what is absent must be told from what is given', () => {
    const query = new Query('?t=a&t=b&empty=&n=-1');
    expect(query.texts('t')).toEqual(['a', 'b']);
    expect([query.text('empty'), query.text('none'), query.text('t')]).toEqual([null, null, 'a']);
    expect([query.integer('n'), query.integer('none')]).toEqual([-1, null]);
    expect([query.flag('none'), query.flag('none', true)]).toEqual([false, true]);
    expect(() => query.integer('t')).toThrow('invalid value "a" for t: not a number');
  });

  test.each([
    ['1700000000', 1_700_000_000_000_000_000n],
    ['1700000000.5', 1_700_000_000_500_000_000n],
    ['1700000000.000000001', 1_700_000_000_000_000_001n],
    ['-1', -1_000_000_000n],
    ['2023-11-14T22:13:20Z', 1_700_000_000_000_000_000n],
    ['2023-11-14T23:13:20.000000001+01:00', 1_700_000_000_000_000_001n],
    ['2023-11-14', 1_699_920_000_000_000_000n],
    ['10m', 999_999_999_400_000_000_000n],
    ['1h30m1.5s', 999_999_994_598_500_000_000n],
  ])('time %s must be %s', (value, expected) => {
    expect(parseQueryTime(value, 'since', 1_000_000_000_000_000_000_000n)).toBe(expected);
  });
  test.each(['yesterday', '10', '1e3', '10x', '2023-13-01', 'T10:00'])(
    '"%s" must be a time or refused',
    (value) => {
      if (value === '10') expect(parseQueryTime(value, 'since')).toBe(10_000_000_000n);
      else expect(() => parseQueryTime(value, 'since')).toThrow('not a time');
    },
  );
});

describe('filters parameter', () => {
  const allowed = new Set(['label', 'name']);

  test.each([
    ['{"label":{"a=b":true,"c":true}}', 'label=a=b,c'],
    ['{"label":["a=b","c"]}', 'label=a=b,c'],
    ['{"label":{"a":false}}', ''],
    ['{"label":[],"name":["x"]}', 'name=x'],
    ['{"label":null}', ''],
    ['null', ''],
    ['{}', ''],
  ])('%s must be read as "%s"', (value, expected) => {
    const entries = [...parseFilters(value, allowed)];
    expect(entries.map(([key, values]) => `${key}=${values.join(',')}`).join(' ')).toBe(expected);
  });

  test.each([
    ['{', "invalid filter '{'"],
    ['[]', "invalid filter '[]'"],
    ['"x"', `invalid filter '"x"'`],
    ['{"colour":["red"]}', "invalid filter 'colour'"],
    ['{"name":"x"}', "invalid filter 'name'"],
    ['{"name":[1]}', "invalid filter 'name'"],
    ['{"name":{"x":1}}', "invalid filter 'name'"],
    ['{"__proto__":["x"]}', "invalid filter '__proto__'"],
  ])('%s must be refused: %s', (value, message) => {
    expect(() => parseFilters(value, allowed)).toThrow(message);
  });
});

describe('body', () => {
  interface Thing {
    readonly Name?: string;
    readonly Count?: number;
    readonly IsBig?: boolean;
    readonly Cmd?: readonly string[];
    readonly Env?: readonly string[];
    readonly Ports?: Readonly<Record<string, object>>;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Parts?: readonly { readonly Name?: string }[];
  }
  const thing: Decoder<Thing> = record<Thing>({
    Name: text,
    Count: integer,
    IsBig: flag,
    Cmd: textOrTexts,
    Env: texts,
    Ports: keySet,
    Labels: textMap,
    Parts: list(record({ Name: text })),
  });

  test.each([
    ['{"Name":"a","Count":1,"IsBig":true}', { Name: 'a', Count: 1, IsBig: true }],
    ['{"name":"a","COUNT":1}', { Name: 'a', Count: 1 }],
    ['{"Name":null,"Count":null,"Unknown":{"x":1}}', {}],
    ['{"Cmd":"echo hi"}', { Cmd: ['echo hi'] }],
    ['{"Cmd":["echo","hi"],"Env":[null,"A=b"]}', { Cmd: ['echo', 'hi'], Env: ['', 'A=b'] }],
    ['{"Ports":{"80/tcp":{},"81/tcp":null}}', { Ports: { '80/tcp': {}, '81/tcp': {} } }],
    ['{"Labels":{"Case":"Kept","n":null}}', { Labels: { Case: 'Kept', n: '' } }],
    ['{"Parts":[{"NAME":"x"},null]}', { Parts: [{ Name: 'x' }] }],
    ['null', {}],
    ['{}', {}],
  ])('%s must be taken as Go takes it', (body, expected) => {
    expect(decodeJson(body, thing)).toEqual(expected);
  });

  test('a key __proto__ must be data', () => {
    const { Labels } = decodeJson('{"Labels":{"__proto__":"x"}}', thing);
    expect(Object.entries(Labels ?? {})).toEqual([['__proto__', 'x']]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test.each([
    ['{"Count":"1"}', 'field Count of the request body must be a whole number, not a string'],
    ['{"Count":1.5}', 'field Count of the request body must be a whole number, not the number 1.5'],
    ['{"Name":1}', 'field Name of the request body must be a string, not the number 1'],
    ['{"IsBig":"yes"}', 'field IsBig of the request body must be true or false, not a string'],
    ['{"Env":"A=b"}', 'field Env of the request body must be a list, not a string'],
    [
      '{"Parts":[{},{"Name":[]}]}',
      'field Parts[1].Name of the request body must be a string, not a list',
    ],
    ['{"Labels":{"a":{}}}', 'field Labels.a of the request body must be a string, not an object'],
    ['[]', 'the request body must be an object, not a list'],
    ['{"a"', 'invalid JSON in the request body'],
    ['{} {}', 'invalid JSON in the request body'],
  ])('%s must be refused: %s', (body, message) => {
    expect(() => decodeJson(body, thing)).toThrow(message);
  });
});
