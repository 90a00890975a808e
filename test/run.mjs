// Every tier, cheapest first, in two lanes side by side: most tests wait for the kernel, not for a processor. What a step
// prints comes when it has ended; the closing line is `N passed, N failed`. `npm test -- unit e2e` runs some in one lane.
// A check counts as one test; vitest and the C tests report how many they ran.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

const root = new URL('..', import.meta.url).pathname;
// Not below /tmp, of which the tests that change the kernel have one of their own.
const reports = await mkdtemp('/var/tmp/tscompose-report-');
process.on('exit', () => {
  rmSync(reports, { recursive: true, force: true });
});
const running = new Set();
let isEnding = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    isEnding = true;
    for (const child of running) child.kill(signal);
    if (running.size === 0) process.exit(1);
  });
const apart = ['node', 'test/lib/in-netns.mjs', '--own-tmp'];

const tiers = {
  check: [
    check('format', ['npx', 'prettier', '--check', '--log-level', 'warn', '.']),
    check('types', ['npx', 'tsc', '-b']),
    check('boundaries', ['npm', 'run', '--silent', 'boundaries']),
    check('lint', ['npx', 'eslint', '.']),
    check('CVE tests', ['node', 'test/cve/catalogue.mjs']),
    check('format of C', ['make', '--silent', '-C', 'native', 'check-format']),
  ],
  native: [native],
  unit: [vitest('unit', [])],
  integration: [vitest('integration', apart)],
  e2e: [vitest('e2e', apart)],
  microvm: [vitest('microvm', apart)],
};
const lanes = [
  ['check', 'native', 'unit', 'e2e'],
  ['integration', 'microvm'],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in tiers));
if (unknown.length > 0) {
  process.stderr.write(
    `unknown tier ${unknown.join(', ')}; there are ${Object.keys(tiers).join(', ')}\n`,
  );
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
if (wanted.length > 0) {
  const inOrder = Object.keys(tiers).filter((name) => wanted.includes(name));
  await runLane(inOrder, { isAlone: true });
} else await Promise.all(lanes.map((names) => runLane(names, { isAlone: false })));
process.stdout.write(`${describe(total)}\n`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

async function runLane(names, { isAlone }) {
  for (const step of names.flatMap((name) => tiers[name])) {
    const kept = [];
    const print = isAlone ? (text) => process.stdout.write(text) : (text) => kept.push(text);
    const startedAt = performance.now();
    const result = await step(print);
    for (const key of Object.keys(total)) total[key] += result[key] ?? 0;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    print(`== ${result.name}: ${describe(result)} in ${seconds} s\n`);
    process.stdout.write(kept.join(''));
  }
}

function describe({ passed = 0, failed = 0, skipped = 0 }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function check(name, command) {
  return async (print) => {
    const { code } = await execute(command, print);
    return { name, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  };
}

/** The C tests print one line `N passed, N failed` per program. */
async function native(print) {
  const { code, output } = await execute(['make', '--silent', '-C', 'test/native', 'test'], print);
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)];
  const passed = counts.reduce((sum, [, count]) => sum + Number(count), 0);
  const failed = counts.reduce((sum, [, , count]) => sum + Number(count), 0);
  // A crash, a sanitizer report or a compiler error fails even if every printed count is good.
  return { name: 'native', passed, failed: failed + (code !== 0 && failed === 0 ? 1 : 0) };
}

function vitest(project, prefix) {
  return async (print) => {
    const file = join(reports, `${project}.json`);
    const command = [
      ...prefix,
      ...['npx', 'vitest', 'run', '--config', 'test/vitest.config.ts', '--project', project],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    ];
    const { code } = await execute(command, print);
    const report = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
    if (report === undefined) return { name: project, failed: 1 };
    const { numPassedTests: passed, numFailedTests, numPendingTests: skipped } = report;
    const failed = numFailedTests + (code !== 0 && numFailedTests === 0 ? 1 : 0);
    return { name: project, passed, failed, skipped };
  };
}

function execute(command, print) {
  const [file, ...args] = command;
  print(`$ ${command.join(' ')}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      print(text);
    });
    child.stderr.setEncoding('utf8').on('data', print);
    child.on('error', reject);
    child.on('close', (code) => {
      running.delete(child);
      if (isEnding && running.size === 0) process.exit(1);
      // Whoever waits begins another step.
      if (!isEnding) resolve({ code, output });
    });
  });
}
