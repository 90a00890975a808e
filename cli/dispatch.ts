/**
 * The program that `tscompose` starts, kept tiny because Node compiles it anew each time: it answers `version`
 * itself and hands everything else to the bundled program beside it, whose compiled form is kept by cli/cache.mjs.
 */
import { join } from 'node:path';
import { daemonRequest, type DaemonRequest } from './daemon-request.ts';
import { addressOnThisMachine } from './docker-files.ts';
import { loadScript } from './load-script.ts';
import { version } from './product.ts';
import { CliError } from './cli-error.ts';
import { versionLine, versionRequest, versionText } from './version-text.ts';

interface DaemonModule {
  readonly runDaemon: (request: DaemonRequest) => Promise<number>;
}

const argv = process.argv.slice(2);
const daemon = daemonRequest(argv);
const request = versionRequest(argv);
if (daemon !== null) {
  runEmbeddedEngine(daemon).catch((error: unknown) => {
    // The one way to say something that engine-start.ts reads: the daemon's log.
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${JSON.stringify({ level: 'error', message })}\n`);
    process.exitCode = 1;
  });
} else if (request === null) {
  runProgram();
} else if (request === 'line') {
  process.stdout.write(versionLine(version));
} else {
  try {
    process.stdout.write(versionText(request, version, () => addressOnThisMachine(undefined)));
  } catch (error) {
    // The whole program renders it as it renders every error of use.
    if (!(error instanceof CliError)) throw error;
    runProgram();
  }
}

function runProgram(): void {
  const { main } = loadScript(join(__dirname, 'cli.cjs')) as {
    main: (argv: readonly string[]) => void;
  };
  main(argv);
}

/** What engine-start.ts starts: no parser, no terminal, nothing of the command line's program in its memory. */
async function runEmbeddedEngine(found: DaemonRequest): Promise<void> {
  const { runDaemon } = loadScript(join(__dirname, 'daemon.cjs')) as DaemonModule;
  // Not only the exit code: a handle that something forgot must not keep an engine that has ended.
  process.exit(await runDaemon(found));
}
