import { describe, expect, test } from 'vitest';

import { EngineError } from '../../../../engine/api/index.ts';
import { createConfig } from '../../../../engine/daemon/config.ts';
import { createLog } from '../../../../engine/daemon/log.ts';

describe('log', () => {
  function written(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
    const lines: string[] = [];
    write(createLog((line) => lines.push(line)));
    return lines.map((line) => {
      expect(line).toMatch(/^[^\n]*\n$/);
      return JSON.parse(line) as Record<string, unknown>;
    });
  }

  test('a record must be one line with time, level, message and fields', () => {
    const [record] = written((log) => {
      log.warn('two\nlines', { id: 'x', size: 2n ** 60n });
    });
    expect(record).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      level: 'warn',
      message: 'two\nlines',
      id: 'x',
      size: '1152921504606846976',
    });
  });

  test('an error must keep its kind, stack, causes and parts', () => {
    const cause = Object.assign(new Error('bind'), { code: 'EADDRINUSE' });
    const failure = new EngineError('conflict', 'taken', { hint: 'wait', cause });
    const [record] = written((log) => {
      log.error('start failed', { error: new AggregateError([failure], 'several') });
    });
    expect(record?.['error']).toMatchObject({
      name: 'AggregateError',
      message: 'several',
      errors: [
        {
          name: 'EngineError',
          kind: 'conflict',
          hint: 'wait',
          stack: expect.stringContaining('process.test.ts') as string,
          cause: { message: 'bind', code: 'EADDRINUSE' },
        },
      ],
    });
  });
});

describe('config', () => {
  test('paths must follow from the roots', () => {
    const config = createConfig({ stateRoot: '/s', runRoot: '/r' });
    expect(config.layout.engineSocket).toBe('/r/engine.sock');
    expect(config.readyFd).toBeNull();
  });

  test.each([
    [{ stateRoot: 's', runRoot: '/r' }, 'state root "s" is not an absolute path'],
    [{ stateRoot: '/s', runRoot: '/r,x' }, 'run root "/r,x" contains a comma'],
    [{ stateRoot: '/s', runRoot: '/s' }, 'state root and run root are the same directory'],
    [{ stateRoot: '/s', runRoot: '/r', readyFd: 1 }, 'invalid descriptor 1 to report readiness on'],
    [{ stateRoot: '/s', runRoot: '/r', readyFd: NaN }, 'invalid descriptor NaN'],
    [{ stateRoot: '/s', runRoot: `/${'r'.repeat(100)}` }, 'choose a shorter run root'],
  ])('%j must be refused: %s', (request, message) => {
    let failure: unknown;
    try {
      createConfig(request);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(EngineError);
    const { message: text, hint } = failure as EngineError;
    expect(`${text} ${hint ?? ''}`).toContain(message);
  });
});
