// Every tier in order, cheapest first; one closing line `N passed, N failed`. `npm test -- unit e2e` runs some.
// A check counts as one test; vitest and the C tests report how many they ran.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const root = new URL('..', import.meta.url).pathname;
const reports = await mkdtemp(join(tmpdir(), 'tscompose-report-'));

const tiers = {
  check: [
    check('format', ['npx', 'prettier', '--check', '--log-level', 'warn', '.']),
    check('types', ['npx', 'tsc', '-b']),
    check('boundaries', ['npm', 'run', '--silent', 'boundaries']),
    check('lint', ['npx', 'eslint', '.']),
    check('CVE tests', ['node', 'test/cve/catalogue.mjs']),
    check('format of C', ['make', '--silent', '-C', 'native', 'check-format']),
  ],
  native: [native()],
  unit: [vitest('unit', [])],
  integration: [vitest('integration', ['node', 'test/lib/in-netns.mjs'])],
  e2e: [vitest('e2e', ['node', 'test/lib/in-netns.mjs'])],
  microvm: [vitest('microvm', ['node', 'test/lib/in-netns.mjs'])],
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in tiers));
if (unknown.length > 0) {
  process.stderr.write(
    `unknown tier ${unknown.join(', ')}; there are ${Object.keys(tiers).join(', ')}\n`,
  );
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const [name, steps] of Object.entries(tiers)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    for (const step of steps) {
      const startedAt = performance.now();
      const result = await step();
      for (const key of Object.keys(total)) total[key] += result[key] ?? 0;
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`== ${result.name}: ${describe(result)} in ${seconds} s\n`);
    }
  }
} finally {
  await rm(reports, { recursive: true, force: true });
}
process.stdout.write(`${describe(total)}\n`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

function describe({ passed = 0, failed = 0, skipped = 0 }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function check(name, command) {
  return async () => {
    const { code } = await execute(command);
    return { name, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  };
}

/** The C tests print one line `N passed, N failed` per program. */
function native() {
  return async () => {
    const { code, output } = await execute(
      ['make', '--silent', '-C', 'test/native', 'test'],
      'tee',
    );
    const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)];
    const passed = counts.reduce((sum, [, count]) => sum + Number(count), 0);
    const failed = counts.reduce((sum, [, , count]) => sum + Number(count), 0);
    // A crash, a sanitizer report or a compiler error fails even if every printed count is good.
    return { name: 'native', passed, failed: failed + (code !== 0 && failed === 0 ? 1 : 0) };
  };
}

function vitest(project, prefix) {
  return async () => {
    const file = join(reports, `${project}.json`);
    const { code } = await execute([
      ...prefix,
      ...['npx', 'vitest', 'run', '--config', 'test/vitest.config.ts', '--project', project],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    ]);
    const report = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
    if (report === undefined) return { name: project, failed: 1 };
    const { numPassedTests: passed, numFailedTests, numPendingTests: skipped } = report;
    const failed = numFailedTests + (code !== 0 && numFailedTests === 0 ? 1 : 0);
    return { name: project, passed, failed, skipped };
  };
}

function execute(command, mode = 'inherit') {
  const [file, ...args] = command;
  process.stdout.write(`$ ${command.join(' ')}\n`);
  return new Promise((resolve, reject) => {
    const stdout = mode === 'tee' ? 'pipe' : 'inherit';
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', stdout, 'inherit'] });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
