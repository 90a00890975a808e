import { describe, expect, test } from 'vitest';
import { LogFollower, type LogsPort } from '../../../cli/log-follower.ts';
import { mergeByTime } from '../../../cli/log-merge.ts';
import { LogPrinter } from '../../../cli/ui/log-printer.ts';
import { plainStyle } from '../../../cli/ui/style.ts';
import {
  EngineError,
  type ContainerInspect,
  type ContainerState,
} from '../../../engine/api/index.ts';
import type { LogLine, LogsOptions } from '../../../engine/client/index.ts';
import { fakeOutput } from './ui/fake-output.ts';

/** One run of a container: what its log stream gives, then what inspecting it says. */
interface Run {
  readonly lines: readonly string[];
  readonly state: Partial<ContainerState> | 'gone';
}

/** An engine whose containers each go through their runs; `asked` is what every stream was opened with. */
function fakeEngine(runs: Readonly<Record<string, readonly Run[]>>): LogsPort & {
  readonly asked: LogsOptions[];
} {
  const asked: LogsOptions[] = [];
  const next = new Map<string, number>();
  const current = (id: string): Run => {
    const run = runs[id]?.[(next.get(id) ?? 0) - 1];
    if (run === undefined) throw new Error(`no run of ${id} is set up`);
    return run;
  };
  return {
    asked,
    containers: {
      logs: (id, options) => {
        asked.push(Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'signal')));
        next.set(id, (next.get(id) ?? 0) + 1);
        return linesOf(current(id).lines);
      },
      inspect: (id) => {
        const { state } = current(id);
        if (state === 'gone') return Promise.reject(new EngineError('not-found', 'no container'));
        return Promise.resolve({ State: { StartedAt: 't1', ...state } } as ContainerInspect);
      },
    },
  };
}

async function* linesOf(texts: readonly string[]): AsyncGenerator<LogLine> {
  for (const text of texts) {
    if (text === 'broken') throw new EngineError('unavailable', 'the connection broke');
    const [timestamp = '', rest = ''] = text.split(' ');
    yield { stream: 'stdout', timestamp, text: rest };
    await Promise.resolve();
  }
}

const exited = (code: number): Partial<ContainerState> => ({
  Status: 'exited',
  Running: false,
  Restarting: false,
  ExitCode: code,
});
const running = { Status: 'running', Running: true, Restarting: false } as const;
const restarting = { Status: 'restarting', Running: true, Restarting: true, ExitCode: 1 } as const;

function setUp(
  engine: LogsPort,
  revive: () => Promise<void> = () => Promise.reject(new Error('revived')),
): { follower: LogFollower; text: () => string } {
  const output = fakeOutput();
  const printer = new LogPrinter({
    stdout: output,
    stderr: output,
    style: plainStyle,
    hasPrefix: true,
    hasTimestamps: false,
  });
  const { signal } = new AbortController();
  return { follower: new LogFollower({ engine, printer, signal, revive }), text: output.text };
}

describe('following', () => {
  test('ends when every container has, and tells how', async () => {
    const engine = fakeEngine({
      a: [{ lines: ['1 one', '2 two'], state: exited(0) }],
      b: [{ lines: ['1 eins'], state: exited(3) }],
    });
    const { follower, text } = setUp(engine);
    follower.follow('a', 'a-1');
    follower.follow('b', 'b-1');
    await follower.ended();
    expect(text().split('\n').sort()).toEqual([
      '',
      'a-1  | one',
      'a-1  | two',
      'a-1 exited with code 0',
      'b-1  | eins',
      'b-1 exited with code 3',
    ]);
  });

  test('a container that was restarted goes on behind the last line, none lost and none twice', async () => {
    const engine = fakeEngine({
      a: [
        { lines: ['1 one', '2 two', '2 three'], state: running },
        { lines: ['2 two', '2 three', '2 four', '3 five'], state: exited(0) },
      ],
    });
    const { follower, text } = setUp(engine);
    follower.follow('a', 'a-1', { tail: 10 });
    await follower.ended();
    expect(text()).toBe(
      'a-1  | one\na-1  | two\na-1  | three\na-1  | four\na-1  | five\na-1 exited with code 0\n',
    );
    expect(engine.asked).toEqual([
      { follow: true, timestamps: true, tail: 10 },
      { follow: true, timestamps: true, since: '2' },
    ]);
  });

  test('does not end while a container waits for its next start', async () => {
    const engine = fakeEngine({
      a: [
        { lines: ['1 one'], state: restarting },
        { lines: ['2 two'], state: { ...exited(0), StartedAt: 't2' } },
      ],
    });
    const { follower, text } = setUp(engine);
    follower.follow('a', 'a-1');
    let isOver = false;
    const end = follower.ended().then(() => (isOver = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    follower.follow('a', 'a-1');
    await end;
    expect(text()).toBe(
      'a-1  | one\na-1 exited with code 1 (restarting)\na-1  | two\na-1 exited with code 0\n',
    );
  });

  test('ends when a container that waited for its next start is stopped', async () => {
    const { follower } = setUp(fakeEngine({ a: [{ lines: [], state: restarting }] }));
    follower.follow('a', 'a-1');
    await new Promise((resolve) => setImmediate(resolve));
    follower.release('a');
    await expect(follower.ended()).resolves.toBeUndefined();
  });

  test.each(['before', 'after'])(
    'a container that is removed meanwhile ends with the code of the event that came %s',
    async (moment) => {
      const engine = fakeEngine({ a: [{ lines: ['1 one'], state: 'gone' }] });
      const { follower, text } = setUp(engine);
      follower.follow('a', 'a-1');
      if (moment === 'after') await new Promise((resolve) => setImmediate(resolve));
      follower.noteEnd('a', 5);
      await follower.ended();
      expect(text()).toBe('a-1  | one\na-1 exited with code 5\n');
    },
  );

  test('one whose end nobody has told ends without a code', async () => {
    const { follower, text } = setUp(fakeEngine({ a: [{ lines: ['1 one'], state: 'gone' }] }));
    follower.follow('a', 'a-1');
    await follower.ended();
    expect(text()).toBe('a-1  | one\n');
  });

  test('one end is told once, although a late start event asks again', async () => {
    const run = { lines: ['1 one'], state: exited(0) };
    const { follower, text } = setUp(fakeEngine({ a: [run, run] }));
    follower.follow('a', 'a-1');
    await follower.ended();
    follower.follow('a', 'a-1');
    await follower.ended();
    expect(text()).toBe('a-1  | one\na-1 exited with code 0\n');
  });

  test('begins behind what was shown', async () => {
    const engine = fakeEngine({ a: [{ lines: ['4 old', '5 old', '5 new'], state: exited(0) }] });
    const { follower, text } = setUp(engine);
    follower.follow('a', 'a-1', { after: { timestamp: '5', count: 1 } });
    await follower.ended();
    expect(text()).toBe('a-1  | new\na-1 exited with code 0\n');
  });

  test('goes on where it was when the engine comes back', async () => {
    const engine = fakeEngine({
      a: [
        { lines: ['1 one', 'broken'], state: running },
        { lines: ['1 one', '2 two'], state: exited(0) },
      ],
    });
    let revived = 0;
    const { follower, text } = setUp(engine, () => {
      revived += 1;
      return Promise.resolve();
    });
    follower.follow('a', 'a-1');
    await follower.ended();
    expect(revived).toBe(1);
    expect(text()).toBe('a-1  | one\na-1  | two\na-1 exited with code 0\n');
  });

  test('fails when a log cannot be read', async () => {
    const engine = fakeEngine({});
    const { follower } = setUp(engine);
    follower.follow('a', 'a-1');
    await expect(follower.ended()).rejects.toThrow('no run of a is set up');
  });
});

test('lines of several containers come in the order of their times, equal ones by container', async () => {
  const merged: string[] = [];
  for await (const { name, line } of mergeByTime([
    { name: 'a', lines: linesOf(['1 a1', '4 a4', '5 a5']) },
    { name: 'b', lines: linesOf([]) },
    { name: 'c', lines: linesOf(['2 c2', '4 c4']) },
  ])) {
    merged.push(`${name} ${line.text}`);
  }
  expect(merged).toEqual(['a a1', 'c c2', 'a a4', 'c c4', 'a a5']);
});
