/** Log lines of several containers in the order of their times, as one stream. */
import type { LogLine } from '../engine/client/index.ts';

export interface NamedLine {
  readonly name: string;
  readonly line: LogLine;
}

export interface NamedLines {
  readonly name: string;
  readonly lines: AsyncIterable<LogLine>;
}

/** Each source must be in order itself. Lines without a time come as early as their source allows. */
export async function* mergeByTime(sources: readonly NamedLines[]): AsyncGenerator<NamedLine> {
  const heads = await Promise.all(
    sources.map(async ({ name, lines }) => {
      const iterator = lines[Symbol.asyncIterator]();
      return { name, iterator, result: await iterator.next() };
    }),
  );
  for (;;) {
    const open = heads.filter(({ result }) => result.done !== true);
    let first = open[0];
    if (first === undefined) return;
    for (const head of open) {
      if (timeOf(head.result) < timeOf(first.result)) first = head;
    }
    yield { name: first.name, line: first.result.value as LogLine };
    first.result = await first.iterator.next();
  }
}

/** RFC 3339 in UTC with nine digits each: in the order of its characters. */
function timeOf({ value }: IteratorResult<LogLine, unknown>): string {
  return (value as LogLine).timestamp ?? '';
}
