import { expect, test } from 'vitest';
import { renderConfig } from '../../../compose/index.ts';
import { loadText } from './lib/host.ts';

const text = `
name: shop
x-note: {a: [1, "$$2"]}
services:
  web:
    image: nginx
    x-own: kept in yaml only
    command: echo "$$HOME"
    ports: ["8080:80"]
    volumes: [data:/d, ./x:/x]
    environment: {B: 2, A: "on", N: }
    healthcheck: {test: curl x, interval: 90s}
volumes:
  data:
  unused:
`;

test('yaml must have the attributes in their order, doubled dollars and strings that stay strings', () => {
  expect(renderConfig(loadText(text).project, 'yaml')).toBe(`name: shop
services:
  web:
    command:
      - echo
      - $$HOME
    environment:
      A: "on"
      B: "2"
      "N": null
    healthcheck:
      test:
        - CMD-SHELL
        - curl x
      interval: 1m30s
    image: nginx
    networks:
      default: null
    ports:
      - mode: ingress
        target: 80
        published: "8080"
        protocol: tcp
    volumes:
      - type: volume
        source: data
        target: /d
        volume: {}
      - type: bind
        source: /shop/x
        target: /x
        bind:
          create_host_path: true
    x-own: kept in yaml only
networks:
  default:
    name: shop_default
volumes:
  data:
    name: shop_data
x-note:
  a:
    - 1
    - $$2
`);
});

test.each(['yaml', 'json'] as const)('%s must load again as the same project', (format) => {
  const first = renderConfig(loadText(text).project, format);
  expect(renderConfig(loadText(first).project, format)).toBe(first);
});

test('json must show extensions at top level only', () => {
  const json = JSON.parse(renderConfig(loadText(text).project, 'json')) as Record<string, unknown>;
  expect(json['x-note']).toEqual({ a: [1, '$$2'] });
  expect(JSON.stringify(json['services'])).not.toContain('x-own');
});
