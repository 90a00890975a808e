/** One JSON object per event and line, with docker compose's field names. */
import type { ProgressEvent } from '../../compose/index.ts';
import type { Output } from './output.ts';
import { isSettled, subjectOf, wordOf, type ProgressView } from './progress.ts';

export function jsonProgress(output: Output): ProgressView {
  return {
    begin: () => undefined,
    event: (event: ProgressEvent) => {
      void output.write(`${JSON.stringify(lineOf(event))}\n`);
    },
    end: () => Promise.resolve(),
  };
}

function lineOf(event: ProgressEvent): Record<string, string> {
  const { status, resource, name, id, service, message } = event;
  return {
    id: subjectOf(event),
    status: statusWord(event),
    text: wordOf(status),
    resource,
    name,
    ...(id !== undefined && { containerId: id }),
    ...(service !== undefined && { service }),
    ...(message !== undefined && { details: message }),
  };
}

function statusWord({ status }: ProgressEvent): 'Working' | 'Done' | 'Error' {
  if (status === 'error') return 'Error';
  return isSettled(status) ? 'Done' : 'Working';
}
