import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Interrupted, watchInterrupts } from '../../../cli/signals.ts';

test('the first interrupt is graceful, the second forced, the third ends the program', () => {
  const source = new EventEmitter();
  let given = 0;
  const { graceful, forced } = watchInterrupts(source, () => {
    given += 1;
  });
  const states = ['SIGINT', 'SIGINT', 'SIGTERM'].map((signal) => {
    source.emit(signal, signal);
    return [graceful.aborted, forced.aborted, given];
  });
  expect(states).toEqual([
    [true, false, 0],
    [true, true, 0],
    [true, true, 1],
  ]);
  expect(graceful.reason).toBeInstanceOf(Interrupted);
  expect((graceful.reason as Interrupted).exitCode).toBe(130);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s is an interrupt until watching ends', (signal) => {
  const source = new EventEmitter();
  const interrupts = watchInterrupts(source, () => undefined);
  interrupts[Symbol.dispose]();
  source.emit(signal, signal);
  expect(interrupts.graceful.aborted).toBe(false);
  expect(source.listenerCount(signal)).toBe(0);
});
