import { describe, expect, test } from 'vitest';
import type { EventMessage } from '../../../../engine/api/index.ts';
import { EventBus } from '../../../../engine/store/index.ts';
import type { Subscription } from '../../../../engine/store/index.ts';

const second = 1_000_000_000n;

function busAt(start: bigint): { bus: EventBus; clock: { now: bigint } } {
  const clock = { now: start };
  return { bus: new EventBus(() => clock.now), clock };
}

function publish(bus: EventBus, action: string): EventMessage {
  return bus.publish({
    type: 'container',
    action,
    id: 'c1',
    attributes: { image: 'redis', name: 'db' },
  });
}

async function actions(subscription: Subscription): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const event of subscription) seen.push(event.Action);
  return seen;
}

describe('EventBus', () => {
  test('an event must have the shape of Docker', () => {
    const { bus } = busAt(1_700_000_000n * second + 512n);
    expect(publish(bus, 'start')).toEqual({
      status: 'start',
      id: 'c1',
      from: 'redis',
      Type: 'container',
      Action: 'start',
      Actor: { ID: 'c1', Attributes: { image: 'redis', name: 'db' } },
      scope: 'local',
      time: 1_700_000_000,
      timeNano: 1_700_000_000_000_000_512,
    });
    expect(bus.publish({ type: 'network', action: 'create', id: 'n1' })).not.toHaveProperty(
      'status',
    );
  });

  test('a subscriber must get what is published after it came, and nothing before', async () => {
    const { bus } = busAt(second);
    publish(bus, 'create');
    const subscription = bus.subscribe();
    publish(bus, 'start');
    publish(bus, 'die');
    subscription[Symbol.dispose]();
    publish(bus, 'destroy');
    expect(await actions(subscription)).toEqual(['start', 'die']);
  });

  test('since must replay what is kept from then on', async () => {
    const { bus, clock } = busAt(second);
    publish(bus, 'create');
    clock.now = 2n * second;
    publish(bus, 'start');
    clock.now = 3n * second;
    publish(bus, 'die');
    const subscription = bus.subscribe({ since: 2n * second, until: 3n * second });
    expect(await actions(subscription)).toEqual(['start', 'die']);
  });

  test('until in the past must end the stream, without since too', async () => {
    const { bus, clock } = busAt(second);
    publish(bus, 'create');
    clock.now = 9n * second;
    expect(await actions(bus.subscribe({ until: 2n * second }))).toEqual(['create']);
  });

  test('until ahead must end the stream when it comes', async () => {
    const bus = new EventBus();
    const until = BigInt(Date.now()) * 1_000_000n + 20_000_000n;
    const subscription = bus.subscribe({ until });
    publish(bus, 'start');
    expect(await actions(subscription)).toEqual(['start']);
  });

  test('only the last 256 events may be kept', async () => {
    const { bus, clock } = busAt(second);
    for (let index = 0; index < 300; index += 1) publish(bus, `a${index}`);
    clock.now = 99n * second;
    const kept = await actions(bus.subscribe({ since: 0n, until: 98n * second }));
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([256, 'a44', 'a299']);
  });

  test('a filter must hold for replay and for what follows', async () => {
    const { bus } = busAt(second);
    publish(bus, 'start');
    publish(bus, 'die');
    const subscription = bus.subscribe({ since: 0n, filter: ({ Action }) => Action === 'die' });
    publish(bus, 'start');
    publish(bus, 'die');
    subscription[Symbol.dispose]();
    expect(await actions(subscription)).toEqual(['die', 'die']);
  });

  test('an abort must end the wait for the next event', async () => {
    const { bus } = busAt(second);
    const controller = new AbortController();
    const seen = actions(bus.subscribe({ signal: controller.signal }));
    publish(bus, 'start');
    controller.abort();
    publish(bus, 'die');
    expect(await seen).toEqual(['start']);
  });

  test('leaving the loop must take the subscriber off', async () => {
    const { bus } = busAt(second);
    const subscription = bus.subscribe();
    publish(bus, 'start');
    for await (const event of subscription) {
      expect(event.Action).toBe('start');
      break;
    }
    publish(bus, 'die');
    expect(await actions(subscription)).toEqual([]);
  });

  test('a reader that never reads must be cut off', () => {
    const { bus } = busAt(second);
    const subscription = bus.subscribe();
    for (let index = 0; index <= 65_536; index += 1) publish(bus, 'noise');
    expect(subscription.isOverrun).toBe(true);
  });

  test('two events must never have the same time on the wire', () => {
    const { bus } = busAt(1_700_000_000n * second);
    const times = Array.from({ length: 1000 }, () => publish(bus, 'start').timeNano);
    expect(new Set(times).size).toBe(1000);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('a clock that was set back must be followed', () => {
    const { bus, clock } = busAt(1000n * second);
    publish(bus, 'start');
    clock.now = 10n * second;
    expect(publish(bus, 'die').time).toBe(10);
  });

  test('a listener must be called within publish until it is taken off', () => {
    const { bus } = busAt(second);
    const seen: string[] = [];
    const listener = bus.listen(({ Action }) => seen.push(Action));
    publish(bus, 'start');
    listener[Symbol.dispose]();
    publish(bus, 'die');
    expect(seen).toEqual(['start']);
  });
});
