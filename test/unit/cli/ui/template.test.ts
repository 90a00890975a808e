import { describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../../cli/ui/template/evaluate.ts';

const row = {
  Name: 'demo-web-1',
  State: 'running',
  Health: '',
  ExitCode: 0,
  Publishers: [
    { URL: '', TargetPort: 99, PublishedPort: 0, Protocol: 'tcp' },
    { URL: '::', TargetPort: 9000, PublishedPort: 32768, Protocol: 'udp' },
  ],
  Label: (name: unknown) => (name === 'a.b' ? 'value' : ''),
  Options: new Map([
    ['z', '1'],
    ['a', '2'],
  ]),
};

/** Each as docker compose 2.40.3 prints it. */
const printed: readonly (readonly [template: string, text: string])[] = [
  ['{{.Name}} {{.State}}', 'demo-web-1 running'],
  ['{{upper .Name}}', 'DEMO-WEB-1'],
  ['{{title .Name}}', 'Demo-Web-1'],
  ['{{.Name | printf "%-12s|"}}', 'demo-web-1  |'],
  ['{{pad .Name 2 3}}|', '  demo-web-1   |'],
  ['{{pad "" 2 3}}|', '|'],
  ['{{truncate .Name 4}}', 'demo'],
  ['{{split .Name "-"}}', '[demo web 1]'],
  ['{{join (split .Name "-") "/"}}', 'demo/web/1'],
  ['{{index (split .Name "-") 1}}', 'web'],
  ['{{index .Name 0}}', '100'],
  ['{{range .Publishers}}{{.TargetPort}}/{{.Protocol}} {{end}}', '99/tcp 9000/udp '],
  ['{{range $i, $p := .Publishers}}{{$i}}={{$p.URL}},{{end}}', '0=,1=::,'],
  ['{{range .Publishers}}{{break}}{{end}}k', 'k'],
  ['{{range .Publishers}}{{if eq .TargetPort 99}}{{continue}}{{end}}{{.URL}}{{end}}', '::'],
  ['{{if eq .State "running"}}up{{else}}down{{end}}', 'up'],
  ['{{if eq .State "x"}}a{{else if eq .State "running"}}b{{else}}c{{end}}', 'b'],
  ['{{with .Health}}h{{else}}none{{end}}', 'none'],
  ['{{with $x := .Name}}{{$x}}{{.}}{{end}}', 'demo-web-1demo-web-1'],
  ['{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', '2'],
  ['{{len .Publishers}} {{len .Name}}', '2 10'],
  ['a {{- .Name -}}  x', 'ademo-web-1x'],
  ['{{/* c */}}x', 'x'],
  ['{{.ExitCode}} {{eq .ExitCode 0}}', '0 true'],
  [
    '{{printf "%d|%5d|%v|%q|%x" .ExitCode 42 .Name .Name 255}}',
    '0|   42|demo-web-1|"demo-web-1"|ff',
  ],
  ['{{printf "%s"}} {{printf "%d" .Name}}', '%!s(MISSING) %!d(string=demo-web-1)'],
  ['{{(index .Publishers 0).Protocol}}', 'tcp'],
  ['{{.Publishers}}', '[{ 99 0 tcp} {:: 9000 32768 udp}]'],
  ['{{.Options}}', 'map[a:2 z:1]'],
  ['{{.Options.a}} {{.Options.none}}', '2 <no value>'],
  ['{{json .Options}}', '{"a":"2","z":"1"}'],
  ['{{json "<a>"}}', '"<a>"'],
  ['{{slice .Name 0 4}}', 'demo'],
  ['{{and .Name ""}}|{{or "" .Name}}|{{not .Health}}', '|demo-web-1|true'],
  ['{{print "a" 1 2 "b"}}', 'a1 2b'],
  ['{{html "<a>"}} {{urlquery "a b"}}', '&lt;a&gt; a+b'],
  ['{{"a\\tb"}}{{`raw`}}{{\'a\'}}{{"\\u00e9"}}', 'a\tbraw97é'],
  [
    '{{.Label "a.b"}} {{.Label "a.b" | upper}} {{upper (.Label "a.b")}} {{"a.b" | .Label}}',
    'value VALUE VALUE value',
  ],
  [
    '{{gt 2 1}} {{lt "a" "b"}} {{ne 1 2}} {{eq 1 2 1}} {{le 1 1}} {{ge 1 2}}',
    'true true true true true false',
  ],
  ['{{1.5}} {{-3}} {{0x10}} {{true}}', '1.5 -3 16 true'],
];

const refused: readonly (readonly [template: string, message: string])[] = [
  ['{{.Nope}}', "can't evaluate field Nope"],
  ['{{.Name.X}}', "can't evaluate field X in type string"],
  ['{{.Name', 'unclosed action'],
  ['{{nofunc .Name}}', 'function "nofunc" not defined'],
  ['{{if false}}{{nofunc}}{{end}}', 'function "nofunc" not defined'],
  ['{{if}}', 'missing value for if'],
  ['{{end}}', 'unexpected {{end}}'],
  ['{{else}}', 'unexpected {{else}}'],
  ['{{if .Name}}', 'unexpected EOF'],
  ['{{.Name}', "bad character U+007D '}'"],
  ['{{$y}}', 'undefined variable "$y"'],
  ['{{nil}}', 'nil is not a command'],
  ['{{lower}}', 'wrong number of args for lower: want 1 got 0'],
  ['{{lower 1}}', 'expected string; found 1'],
  ['{{.Label}}', 'wrong number of args for Label: want 1 got 0'],
  ['{{len 3}}', 'error calling len: len of type int'],
  ['{{index .Publishers 99}}', 'error calling index: index out of range: 99'],
  ['{{eq .Name}}', 'missing argument for comparison'],
  ['{{eq .Name 1}}', 'incompatible types for comparison'],
  ['{{.Name .State}}', "can't give argument to non-function"],
  ['{{(.Name}}', 'unclosed left paren'],
  ['{{define "x"}}y{{end}}', 'named templates are not supported'],
];

describe('a Go template', () => {
  test.each(printed)('%s', (template, text) => {
    expect(compileTemplate(template).run(row)).toBe(text);
  });

  test.each(refused)('%s is refused', (template, message) => {
    expect(() => compileTemplate(template).run(row)).toThrow(
      new RegExp(
        `^template parsing error: .*${message.replaceAll(/[$()*+.?[\\\]^{|}]/gu, '\\$&')}`,
        'u',
      ),
    );
  });
});
