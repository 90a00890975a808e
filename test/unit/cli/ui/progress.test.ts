import { expect, test } from 'vitest';
import { jsonProgress } from '../../../../cli/ui/progress-json.ts';
import { plainProgress } from '../../../../cli/ui/progress-plain.ts';
import type { ProgressEvent } from '../../../../compose/index.ts';
import { fakeOutput } from './fake-output.ts';

const events: readonly ProgressEvent[] = [
  { resource: 'network', name: 'shop_default', status: 'creating' },
  { resource: 'network', name: 'shop_default', status: 'created' },
  { resource: 'volume', name: 'shop_data', status: 'created' },
  { resource: 'container', name: 'shop-web-1', service: 'web', id: 'abc', status: 'waiting' },
  { resource: 'container', name: 'shop-web-1', service: 'web', id: 'abc', status: 'waiting' },
  { resource: 'container', name: 'shop-web-1', service: 'web', id: 'abc', status: 'started' },
  { resource: 'container', name: 'shop-db-1', status: 'error', message: 'port is in use' },
];

test('plain progress is one line per change', () => {
  const output = fakeOutput();
  const view = plainProgress(output);
  for (const event of events) view.event(event);
  expect(output.text()).toBe(
    [
      ' Network shop_default  Creating',
      ' Network shop_default  Created',
      ' Volume shop_data  Created',
      ' Container shop-web-1  Waiting',
      ' Container shop-web-1  Started',
      ' Container shop-db-1  Error port is in use',
      '',
    ].join('\n'),
  );
});

test('json progress is one object per event', () => {
  const output = fakeOutput();
  const view = jsonProgress(output);
  for (const event of events.slice(4)) view.event(event);
  expect(output.text()).toBe(
    [
      '{"id":"Container shop-web-1","status":"Working","text":"Waiting","resource":"container","name":"shop-web-1","containerId":"abc","service":"web"}',
      '{"id":"Container shop-web-1","status":"Done","text":"Started","resource":"container","name":"shop-web-1","containerId":"abc","service":"web"}',
      '{"id":"Container shop-db-1","status":"Error","text":"Error","resource":"container","name":"shop-db-1","details":"port is in use"}',
      '',
    ].join('\n'),
  );
});
