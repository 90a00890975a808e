import { describe, expect, test } from 'vitest';
import { labelHeading, renderRows, type RowFormat } from '../../../../cli/ui/rows.ts';

const rows = [
  { Name: 'demo-db-1', Service: 'db', Health: '', Ports: '80->80', Label: (name: unknown) => name },
  {
    Name: 'demo-web-1',
    Service: 'web',
    Health: '',
    Ports: '',
    Label: (name: unknown) => (name === 'x' ? 'y' : ''),
  },
];
const format: RowFormat = {
  headings: { Name: 'NAME', Service: 'SERVICE', Ports: 'PORTS', Label: labelHeading },
  defaultTable: '{{.Name}}\t{{.Service}}',
};

/** Each as docker compose 2.40.3 prints it. */
const cases: readonly (readonly [format: string | undefined, text: string])[] = [
  [undefined, 'NAME         SERVICE\ndemo-db-1    db\ndemo-web-1   web\n'],
  ['table', 'NAME         SERVICE\ndemo-db-1    db\ndemo-web-1   web\n'],
  ['table {{.Name}}', 'NAME\ndemo-db-1\ndemo-web-1\n'],
  ['table{{upper .Name}}', 'NAME\nDEMO-DB-1\nDEMO-WEB-1\n'],
  ['table {{truncate .Name 3}}|', 'NAME|\ndem|\ndem|\n'],
  ['table {{pad .Service 1 1}}|', ' SERVICE |\n db |\n web |\n'],
  ['table {{split .Name "-"}}', 'NAME\n[demo db 1]\n[demo web 1]\n'],
  [
    'table {{.Name}}\\t{{.Health}}\\t{{.Service}}',
    'NAME         <no value>   SERVICE\ndemo-db-1                 db\ndemo-web-1                web\n',
  ],
  [
    'table {{.Name}}\\t\\t{{.Service}}',
    'NAME                   SERVICE\ndemo-db-1              db\ndemo-web-1             web\n',
  ],
  [
    'table {{.Name}}{{if eq .Service "db"}}\\tx{{end}}\\ty',
    'NAME         y\ndemo-db-1    x         y\ndemo-web-1   y\n',
  ],
  ['table {{.Label "com.example.the-name"}}', 'the name\ncom.example.the-name\n\n'],
  ['{{.Name}}', 'demo-db-1\ndemo-web-1\n'],
  ['  {{.Name}}  ', 'demo-db-1\ndemo-web-1\n'],
  ['{{.Name}}\\n', 'demo-db-1\n\ndemo-web-1\n\n'],
  ['{{json .Ports}}', '"80->80"\n""\n'],
  ['pretty', 'pretty\npretty\n'],
  [
    'json',
    '{"Health":"","Name":"demo-db-1","Ports":"80-\\u003e80","Service":"db"}\n{"Health":"","Name":"demo-web-1","Ports":"","Service":"web"}\n',
  ],
  [
    '{{json .}}',
    '{"Health":"","Name":"demo-db-1","Ports":"80-\\u003e80","Service":"db"}\n{"Health":"","Name":"demo-web-1","Ports":"","Service":"web"}\n',
  ],
];

describe('--format', () => {
  test.each(cases)('%s', (given, text) => {
    expect(renderRows(rows, given, format)).toBe(text);
  });

  test('of a table without rows is its headings', () => {
    expect(renderRows([], undefined, format)).toBe('NAME      SERVICE\n');
    expect(renderRows([], 'json', format)).toBe('');
  });
});
