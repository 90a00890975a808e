// The series of kills by hand, or every night: `npm run test:kills -- --all` for every point there is,
// `npm run test:kills -- 2000` for as many, `npm run test:kills -- --operation start --all` for those of one operation.
// The report goes to the file that KILL_REPORT names.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: 'boolean' }, operation: { type: 'string' } },
});
const [count] = positionals;
const env = { ...process.env };
if (values.all) env.KILL_POINTS = 'all';
else if (count !== undefined) env.KILL_POINTS = count;
if (values.operation !== undefined) env.KILL_OPERATION = values.operation;

const child = spawn(
  process.execPath,
  [
    ...['test/lib/in-netns.mjs', 'npx', 'vitest', 'run', '--config', 'test/vitest.config.ts'],
    ...['--project', 'e2e', 'test/e2e/kills.test.ts'],
  ],
  { cwd: new URL('..', import.meta.url).pathname, stdio: 'inherit', env },
);
child.on('exit', (code) => process.exit(code ?? 1));
