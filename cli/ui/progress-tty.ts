/** One line per resource, redrawn in place by listr2 and left standing with how long each took. */
import { Listr, ListrLogger, ProcessOutput, type ListrDefaultRendererLogLevels } from 'listr2';
import type { Action, Plan, ProgressEvent, ProgressStatus } from '../../compose/index.ts';
import { formatElapsed } from './format.ts';
import { subjectOf, wordOf, type ProgressView } from './progress.ts';
import type { Style } from './style.ts';

interface Row {
  readonly subject: string;
  /** The row is done when this status comes. */
  last: ProgressStatus;
  since: number;
  readonly settle: (failure: Error | null) => void;
  readonly settled: Promise<void>;
  draw: (title: string) => void;
}

export interface TtyProgressOptions {
  readonly stream: NodeJS.WriteStream;
  readonly style: Style;
  readonly now: () => number;
}

/** Only ever loaded for a terminal: listr2 and what it brings cost 15 ms to evaluate. */
export function ttyProgress(options: TtyProgressOptions): ProgressView {
  let rows = new Map<string, Row>();
  let drawn: Promise<unknown> = Promise.resolve();

  const end = async (): Promise<void> => {
    for (const row of rows.values()) row.settle(null);
    await drawn;
    rows = new Map();
  };

  return {
    begin: (plan) => {
      rows = rowsOf(plan, options.now());
      if (rows.size > 0) drawn = draw([...rows.values()], options.stream);
    },
    event: (event) => {
      const row = rows.get(subjectOf(event));
      if (row !== undefined) update(row, event, options);
    },
    end,
  };
}

function update(row: Row, event: ProgressEvent, { style, now }: TtyProgressOptions): void {
  const { status, message } = event;
  const isLast = status === row.last || status === 'healthy' || status === 'error';
  const elapsed = isLast ? `  ${style.dim(formatElapsed(now() - row.since))}` : '';
  const detail = message === undefined ? '' : ` ${style.dim(message)}`;
  row.draw(`${row.subject}  ${wordOf(status)}${detail}${elapsed}`);
  if (isLast) row.settle(status === 'error' ? new Error(message ?? 'failed') : null);
}

async function draw(rows: readonly Row[], stream: NodeJS.WriteStream): Promise<void> {
  const list = new Listr(
    rows.map((row) => ({
      title: row.subject,
      task: (_context: unknown, task: { title: string }): Promise<void> => {
        row.draw = (title) => {
          task.title = title;
        };
        return row.settled;
      },
    })),
    {
      concurrent: true,
      // One failure must not hide how the others ended; the command reports it.
      exitOnError: false,
      registerSignalListeners: false,
      rendererOptions: {
        showErrorMessage: false,
        collapseErrors: false,
        removeEmptyLines: true,
        formatOutput: 'truncate',
        // Progress belongs on standard error: standard output is the containers'.
        logger: new ListrLogger<ListrDefaultRendererLogLevels>({
          useIcons: true,
          processOutput: new ProcessOutput(stream, stream, { leaveEmptyLine: false }),
        }),
      },
    },
  );
  await list.run();
}

const lastStatus: Readonly<Record<Action['kind'], ProgressStatus>> = {
  createNetwork: 'created',
  createVolume: 'created',
  createContainer: 'created',
  writeFiles: 'created',
  startContainer: 'started',
  // The container is what it was: started, or about to be stopped.
  runHook: 'started',
  runInit: 'exited',
  stopContainer: 'stopped',
  removeContainer: 'removed',
  renameContainer: 'recreated',
  removeNetwork: 'removed',
  removeVolume: 'removed',
  restartContainer: 'started',
  killContainer: 'killed',
  pauseContainer: 'paused',
  unpauseContainer: 'unpaused',
  removeImage: 'removed',
};

/** In the order of the plan; a resource with several actions is done with its last one. */
function rowsOf(plan: Plan, now: number): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { action } of plan.nodes) {
    const subject = subjectOf({ resource: resourceOf(action), name: action.name });
    const row = rows.get(subject);
    if (row === undefined) rows.set(subject, createRow(subject, lastStatus[action.kind], now));
    else row.last = lastStatus[action.kind];
  }
  return rows;
}

function resourceOf({ kind }: Action): ProgressEvent['resource'] {
  if (kind.endsWith('Image')) return 'image';
  if (kind.endsWith('Network')) return 'network';
  return kind.endsWith('Volume') ? 'volume' : 'container';
}

function createRow(subject: string, last: ProgressStatus, since: number): Row {
  let settle: Row['settle'] = () => undefined;
  const settled = new Promise<void>((resolve, reject) => {
    settle = (failure) => {
      if (failure === null) resolve();
      else reject(failure);
    };
  });
  // A row that failed before listr2 took it is drawn as failed then.
  settled.catch(() => undefined);
  return { subject, last, since, settle, settled, draw: () => undefined };
}
