import { describe, expect, test } from 'vitest';
import { attribute, refusal } from './service.ts';

describe.each<readonly [string, readonly (readonly [string, unknown])[]]>([
  [
    'extra_hosts',
    [
      ['extra_hosts: ["h:1.1.1.1"]', ['h=1.1.1.1']],
      ['extra_hosts: ["h:::1"]', ['h=::1']],
      ['extra_hosts: ["h=[::1]"]', ['h=::1']],
      ['extra_hosts: ["h:[::1]"]', ['h=::1']],
      ['extra_hosts: ["h:host-gateway"]', ['h=host-gateway']],
      ['extra_hosts: ["h=2.2.2.2,1.1.1.1"]', ['h=1.1.1.1', 'h=2.2.2.2']],
      [
        'extra_hosts: ["h=1.1.1.1", "h=2.2.2.2", "g=3.3.3.3"]',
        ['g=3.3.3.3', 'h=1.1.1.1', 'h=2.2.2.2'],
      ],
      ['extra_hosts: {h: 1.1.1.1}', ['h=1.1.1.1']],
      ['extra_hosts: {h: [2.2.2.2, 1.1.1.1]}', ['h=1.1.1.1', 'h=2.2.2.2']],
      ['extra_hosts: {h: "1.1.1.1,2.2.2.2"}', ['h=1.1.1.1,2.2.2.2']],
      ['extra_hosts: {h: ""}', ['h=']],
    ],
  ],
  [
    'maps and lists of pairs',
    [
      ['environment: [A=b=c, B=, C]', { A: 'b=c', B: '', C: null }],
      [
        'environment: {A: 1, B: true, C: 1.0, D: 1e3, E: , F: ""}',
        { A: '1', B: 'true', C: '1', D: '1000', E: null, F: '' },
      ],
      ['labels: [a, b=, c=d=e]', { a: '', b: '', c: 'd=e' }],
      ['labels: {a: , b: 1}', { a: '', b: '1' }],
      ['labels: {x-mine: 1}', { 'x-mine': '1' }],
      ['annotations: [a]', { a: '' }],
      ['sysctls: [net.x=1]', { 'net.x': '1' }],
      ['sysctls: {net.x: 1}', { 'net.x': '1' }],
    ],
  ],
  [
    'lists and single texts',
    [
      ['dns: 1.1.1.1', ['1.1.1.1']],
      ['dns: [1.1.1.1]', ['1.1.1.1']],
      ['dns: ["", 1.1.1.1]', ['1.1.1.1']],
      ['dns: ""', undefined],
      ['dns_search: .', ['.']],
      ['tmpfs: /x:size=1', ['/x:size=1']],
      ['command: ""', []],
      ['command: []', []],
      ['command: a "b c" d\\ e', ['a', 'b c', 'd e']],
      ['entrypoint: null', null],
      ['healthcheck: {test: ""}', { test: ['CMD-SHELL', ''] }],
      ['healthcheck: {test: []}', {}],
      ['healthcheck: {disable: false}', {}],
      ['develop: null', undefined],
    ],
  ],
  [
    'secrets and configs',
    [
      ['secrets: [s]', [{ source: 's', target: '/run/secrets/s' }]],
      [
        'secrets: [{source: s, mode: 0440}]',
        [{ source: 's', target: '/run/secrets/s', mode: '0440' }],
      ],
      [
        'secrets: [{source: s, mode: "0440", uid: ""}]',
        [{ source: 's', target: '/run/secrets/s', mode: '0440' }],
      ],
      ['configs: [c]', [{ source: 'c' }]],
      ['configs: [{source: c, target: ""}]', [{ source: 'c' }]],
      [
        'build: {context: ., secrets: [s]}',
        { context: '/shop', dockerfile: 'Dockerfile', secrets: [{ source: 's' }] },
      ],
    ],
  ],
  [
    'the context of a build',
    [
      ['build: .', { context: '/shop', dockerfile: 'Dockerfile' }],
      ['build: ~/x', { context: '/home/ada/x', dockerfile: 'Dockerfile' }],
      ['build: /x/', { context: '/x/', dockerfile: 'Dockerfile' }],
      ['build: a:b', { context: '/shop/a:b', dockerfile: 'Dockerfile' }],
      ['build: C:\\x', { context: '/shop/C:\\x', dockerfile: 'Dockerfile' }],
      ['build: git@h:p', { context: 'git@h:p', dockerfile: 'Dockerfile' }],
      ['build: github.com/a/b', { context: 'github.com/a/b', dockerfile: 'Dockerfile' }],
      ['build: oci-layout://x', { context: 'oci-layout://x', dockerfile: 'Dockerfile' }],
    ],
  ],
])('%s', (_heading, rows) => {
  test.each(rows)('%s', (attributes, expected) => {
    expect(attribute(attributes)).toEqual(expected);
  });
});

describe('must be refused', () => {
  test.each([
    ['extra_hosts: [nohost]', 'must be "host=address"'],
    ['extra_hosts: ["=1.1.1.1"]', 'must be "host=address"'],
    ['extra_hosts: {"a:b": 1.1.1.1}', 'a name has no ":"'],
    ['environment: ["A "]', 'ends with a blank'],
    ['build: {context: ., additional_contexts: [a]}', 'must be "name=context"'],
    ['build: {context: ., ssh: [a]}', 'must be "default" or "id=path"'],
    ['environment: ["A =b"]', 'ends with a blank'],
    ['command: "a \'b"', 'a quote or parenthesis without its partner'],
  ])('%s', (attributes, reason) => {
    expect(refusal(attributes)).toContain(reason);
  });
});
