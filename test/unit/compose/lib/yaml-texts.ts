import fc from 'fast-check';

/** Files that use much of the language in few lines. */
export const composeFiles: readonly string[] = [
  `services:
  web:
    image: nginx:\${TAG:-1}
    ports: ["8080:80", {target: 81}]
    volumes: [data:/d, ./x:/y:ro]
    environment: {A: 1, B: }
    depends_on: {db: {condition: service_healthy}}
    deploy: {replicas: 2, resources: {limits: {memory: 50m}}}
  db:
    image: redis
    healthcheck: {test: [CMD, x], interval: 5s}
volumes:
  data: {labels: [a=b]}
`,
  `name: p
x-a: &a
  image: x
  labels: [a, b=c]
services:
  a:
    <<: *a
    command: echo "x"
    extends: {service: b}
  b:
    <<: [*a]
    build: {context: ., args: [A]}
    secrets: [s]
    networks: {n: {aliases: [z]}}
networks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}
secrets: {s: {environment: X}}
`,
  `# comment
---
services:
  'quoted key':
    command: >-
      one
      two

      three
    entrypoint: |
      #!/bin/sh
        exec "$@"
    environment:
    - A=it''s # not here
    - "B=a \\"b\\" \\n"
    - 'C=it''s'
    - - nested
      - list
    labels: !reset null
    logging: !override
      driver: none
    tmpfs: [
      /a, /b,
    ]
    x-b: &anchor {k: [1, {l: m}], n: }
    x-c: *anchor
`,
];

export const yamlPieces: readonly string[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    ' :',
    ',',
    '-',
    '- ',
    '? ',
    '|',
    '>',
    '|-\n',
    '>\n',
    '#',
    ' #',
  ],
  ...[
    '\n',
    '\n\n',
    '\n  ',
    '\n    ',
    ' ',
    '  ',
    '\t',
    '\r\n',
    '\n# c\n',
    '\n   # c\n',
    '---\n',
    '...\n',
  ],
  ...[
    '&a ',
    '*a',
    '&',
    '*',
    '!',
    '!reset ',
    '!override ',
    '!!str ',
    '<<: ',
    '<<: [*a, *a]',
    '%',
    '@',
  ],
  ...[
    '"',
    "'",
    "''",
    '\\"',
    '\\',
    '\\n',
    '"a": b',
    "'a': b",
    '"a":b',
    '{a: b}',
    '[a, b]',
    '[]',
    '{}',
  ],
  ...[
    '0',
    '~',
    'null',
    '1e999',
    '2020-01-01',
    '0777',
    'a',
    'key: value',
    'é',
    '$',
    '\${',
    '\${A:-b}',
  ],
  ...['__proto__', 'constructor', '\u0000', '\ufeff', '\u2028'],
];

const atom = fc.constantFrom(
  ...[
    'a',
    'b c',
    '"d"',
    "'e'",
    '1',
    '',
    'f:g',
    'h#i',
    '-j',
    '*k',
    'l # m',
    '~',
    '&n o',
    '!reset p',
  ],
);

const inline = fc.oneof(
  atom,
  fc.array(atom, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
  fc
    .array(fc.tuple(fc.constantFrom('a', '"b"', 'c d'), atom), { maxLength: 3 })
    .map((entries) => `{${entries.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
);

/** Documents from a grammar: what is written in blocks, in brackets, with quotes, comments and anchors. */
export const yamlDocuments: fc.Arbitrary<string> = fc
  .letrec<{ node: (indent: string) => string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      inline.map((text) => () => ` ${text}\n`),
      fc
        .array(
          fc.tuple(fc.constantFrom('a', 'b-c', "'q r'", '"s"', 'x.y', '1', '<<'), tie('node')),
          {
            minLength: 1,
            maxLength: 4,
          },
        )
        .map(
          (entries) => (indent: string) =>
            `\n${entries.map(([key, value]) => `${indent}${key}:${value(`${indent}  `)}`).join('')}`,
        ),
      fc
        .array(tie('node'), { minLength: 1, maxLength: 4 })
        .map(
          (items) => (indent: string) =>
            `\n${items.map((value) => `${indent}-${value(`${indent}  `)}`).join('')}`,
        ),
      fc
        .tuple(
          fc.constantFrom('|', '>', '|-', '>-', '|+', '>2'),
          fc.array(fc.constantFrom('', 'text', '  deeper', '# no comment', 'a: b', '\\n'), {
            maxLength: 4,
          }),
        )
        .map(
          ([header, lines]) =>
            (indent: string) =>
              ` ${header}\n${lines.map((line) => (line === '' ? '\n' : `${indent}  ${line}\n`)).join('')}`,
        ),
    ),
  }))
  .node.map((node) => node('').replace(/^\n/, ''));
