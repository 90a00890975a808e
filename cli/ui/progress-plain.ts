/** One line per change of state: for pipes, files and continuous integration. */
import type { ProgressEvent } from '../../compose/index.ts';
import type { Output } from './output.ts';
import { subjectOf, wordOf, type ProgressView } from './progress.ts';

export function plainProgress(output: Output): ProgressView {
  const last = new Map<string, string>();
  return {
    begin: () => undefined,
    event: (event: ProgressEvent) => {
      const subject = subjectOf(event);
      const text = event.message === undefined ? '' : ` ${event.message}`;
      const line = ` ${subject}  ${wordOf(event.status)}${text}\n`;
      // A status that is reported again (still waiting) is no change.
      if (last.get(subject) === line) return;
      last.set(subject, line);
      void output.write(line);
    },
    end: () => Promise.resolve(),
  };
}
