import { describe, expect, test } from 'vitest';
import { LogPrinter } from '../../../../cli/ui/log-printer.ts';
import { colouredStyle, plainStyle, type Style } from '../../../../cli/ui/style.ts';
import { fakeOutput } from './fake-output.ts';

interface Setup {
  readonly isTerminal?: boolean;
  readonly style?: Style;
  readonly hasPrefix?: boolean;
  readonly hasTimestamps?: boolean;
}

function setUp({ isTerminal, style, hasPrefix, hasTimestamps }: Setup = {}): {
  printer: LogPrinter;
  stdout: () => string;
  stderr: () => string;
} {
  const stdout = fakeOutput(isTerminal);
  const stderr = fakeOutput(isTerminal);
  const printer = new LogPrinter({
    stdout,
    stderr,
    style: style ?? plainStyle,
    hasPrefix: hasPrefix ?? true,
    hasTimestamps: hasTimestamps ?? false,
  });
  return { printer, stdout: stdout.text, stderr: stderr.text };
}

const timestamp = '2026-11-20T12:00:00.123456789Z';
const line = (text: string): { stream: 'stdout'; timestamp: string; text: string } => ({
  stream: 'stdout',
  timestamp,
  text,
});

describe('a log line', () => {
  test('stands behind the name of its container, in a column that fits all names', () => {
    const { printer, stdout } = setUp();
    printer.reserve(['web-1', 'database-1']);
    void printer.print('web-1', line('one'));
    void printer.print('database-1', line('two'));
    void printer.print('web-1', line(''));
    void printer.flush();
    expect(stdout()).toBe('web-1       | one\ndatabase-1  | two\nweb-1       | \n');
  });

  test('of a container that came later widens the column from then on', () => {
    const { printer, stdout } = setUp();
    void printer.print('a-1', line('one'));
    void printer.print('long-1', line('two'));
    void printer.print('a-1', line('three'));
    void printer.flush();
    expect(stdout()).toBe('a-1  | one\nlong-1  | two\na-1     | three\n');
  });

  test('goes to the stream that the container wrote it to', () => {
    const { printer, stdout, stderr } = setUp();
    void printer.print('a-1', line('out'));
    void printer.print('a-1', { stream: 'stderr', timestamp, text: 'err' });
    void printer.flush();
    expect([stdout(), stderr()]).toEqual(['a-1  | out\n', 'a-1  | err\n']);
  });

  test('carries its time when asked', () => {
    const { printer, stdout } = setUp({ hasTimestamps: true });
    void printer.print('a-1', line('one'));
    void printer.flush();
    expect(stdout()).toBe(`a-1  | ${timestamp} one\n`);
  });

  test('has no prefix when asked', () => {
    const { printer, stdout } = setUp({ hasPrefix: false });
    void printer.print('a-1', line('one'));
    void printer.flush();
    expect(stdout()).toBe('one\n');
  });

  test('is written without a flush as soon as the event loop turns', async () => {
    const { printer, stdout } = setUp();
    void printer.print('a-1', line('one'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(stdout()).toBe('a-1  | one\n');
  });

  test.each([
    ['clearing the screen', '\u001B[2J\u001B[Hhello', 'hello'],
    ['a window title', '\u001B]0;title\u0007hello', 'hello'],
    ['a progress bar', '10%\r50%\r100%', '100%'],
    ['a carriage return before the newline', 'hello\r', 'hello'],
    ['a colour that is not ended', '\u001B[31mred', '\u001B[31mred\u001B[0m'],
    ['a colour that is ended', '\u001B[31mred\u001B[0m', '\u001B[31mred\u001B[0m'],
    ['only a carriage return', '\r', ''],
  ])('with %s must not disturb the lines around it in a terminal', (_, text, shown) => {
    const { printer, stdout } = setUp({ isTerminal: true });
    void printer.print('a-1', line(text));
    void printer.flush();
    expect(stdout()).toBe(`a-1  | ${shown}\n`);
  });

  test('reaches a file as it was written', () => {
    const { printer, stdout } = setUp();
    void printer.print('a-1', line('10%\r\u001B[2Jx'));
    void printer.flush();
    expect(stdout()).toBe('a-1  | 10%\r\u001B[2Jx\n');
  });

  test('is flushed before it fills the memory', () => {
    const { printer, stdout } = setUp();
    for (let count = 0; count < 10_000; count += 1) void printer.print('a-1', line('x'.repeat(90)));
    expect(stdout().length).toBeGreaterThan(900_000);
  });
});

describe('the colour of a name', () => {
  test('is the same in every run and wraps the prefix alone', () => {
    const { printer, stdout } = setUp({ style: colouredStyle });
    void printer.print('web-1', line('one'));
    printer.note('web-1', 'exited with code 0');
    void printer.flush();
    const paint = colouredStyle.forName('web-1');
    expect(stdout()).toBe(`${paint('web-1  | ')}one\n${paint('web-1')} exited with code 0\n`);
  });

  test('differs between replicas that stand side by side', () => {
    const colours = ['web-1', 'web-2', 'web-3', 'db-1'].map((name) =>
      colouredStyle.forName(name)('x'),
    );
    expect(new Set(colours).size).toBeGreaterThanOrEqual(3);
  });
});
