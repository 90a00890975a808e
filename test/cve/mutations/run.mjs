// Takes each guard of table.mjs away in a copy of the tree, and looks whether the test of its id then fails as it
// should. `node test/cve/mutations/run.mjs C-01 C-08` tries some. Needs root, as the tests do, and a built tree.
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';

import { applyEdits, mutations } from './table.mjs';

const root = new URL('../../..', import.meta.url).pathname;
const minute = 60_000;
const wanted = process.argv.slice(2);
const chosen = mutations.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
const unknown = wanted.filter((id) => !mutations.some((mutation) => mutation.id === id));
if (unknown.length > 0) {
  process.stderr.write(`no mutation for ${unknown.join(', ')}\n`);
  process.exit(2);
}

const tree = await mkdtemp(join(tmpdir(), 'tsc-mutations-'));
let failed = 0;
try {
  await copyTree();
  for (const mutation of chosen) {
    const startedAt = performance.now();
    const outcome = await attempt(mutation);
    if (outcome !== 'fails without it, passes with it') failed += 1;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    process.stdout.write(`${mutation.id}  ${mutation.guard}: ${outcome} (${seconds} s)\n`);
  }
} finally {
  await rm(tree, { recursive: true, force: true });
}
process.stdout.write(`${chosen.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

async function copyTree() {
  const { stdout } = await execute(
    ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    root,
  );
  const files = stdout.split('\0').filter((name) => name !== '');
  for (const name of [...files, 'dist', 'native/build']) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    // What is deleted but not yet committed is not there.
    await cp(join(root, name), join(tree, name), {
      recursive: true,
      preserveTimestamps: true,
    }).catch(ignoreAbsent);
  }
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
}

function ignoreAbsent(error) {
  if (error.code !== 'ENOENT') throw error;
}

async function attempt(mutation) {
  const files = [...new Set(mutation.edits.map(({ file }) => file))];
  const originals = new Map();
  for (const file of files) originals.set(file, await readFile(join(tree, file), 'utf8'));
  for (const [file, source] of originals)
    await writeFile(
      join(tree, file),
      applyEdits(
        source,
        mutation.edits.filter((edit) => edit.file === file),
      ),
    );
  let without;
  try {
    const broken = await build(files);
    if (broken !== null) return `does not build without it:\n${broken}`;
    without = await run(mutation);
  } finally {
    for (const [file, source] of originals) await writeFile(join(tree, file), source);
    await build(files);
  }
  if (without.failures.length === 0) return `passes without it: ${without.summary}`;
  if (!without.failures.some((message) => mutation.fails.test(message)))
    return `fails without it for another reason than ${mutation.fails}:\n${without.failures.join('\n')}`;
  const unchanged = await run(mutation);
  if (unchanged.failures.length > 0 || unchanged.passed === 0)
    return `does not pass with it: ${unchanged.summary}\n${unchanged.failures.join('\n')}`;
  return 'fails without it, passes with it';
}

/** null, or what the compiler said. */
async function build(files) {
  const steps = [];
  if (files.some((file) => /^native\/\w+\/.*\.[ch]$/.test(file)))
    steps.push(['node', 'native/build.mjs']);
  if (files.some((file) => file.endsWith('.ts'))) steps.push(['node', 'cli/bundle.mjs']);
  for (const step of steps) {
    const { code, stdout, stderr } = await execute(step, tree);
    if (code !== 0) return `${stdout}${stderr}`;
  }
  return null;
}

/** Names and messages of what failed, of the tests of one id. */
async function run(mutation) {
  if (mutation.tests === 'native') return await runNative(mutation);
  const report = join(tree, 'report.json');
  await rm(report, { force: true });
  // The namespaces take along whatever a broken engine leaves behind.
  const { stdout, stderr } = await execute(
    [
      ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', 'ip link set lo up && exec "$@"', 'mutation'],
      ...['npx', 'vitest', 'run', '--config', 'test/vitest.config.ts', '--project', 'integration'],
      ...[mutation.tests, '-t', mutation.filter ?? mutation.id],
      ...['--reporter=json', `--outputFile.json=${report}`],
    ],
    tree,
  );
  const parsed = await readFile(report, 'utf8').then(JSON.parse, () => null);
  if (parsed === null)
    return { passed: 0, failures: [`no report:\n${stdout}${stderr}`], summary: 'no report' };
  const results = parsed.testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ fullName }) => fullName.includes(mutation.id));
  const passed = results.filter(({ status }) => status === 'passed').length;
  const failures = results
    .filter(({ status }) => status === 'failed')
    .map(
      ({ fullName, failureMessages }) =>
        `${fullName}: ${failureMessages.join('\n').slice(0, 2000)}`,
    );
  return { passed, failures, summary: `${passed} passed, ${failures.length} failed` };
}

async function runNative({ filter }) {
  const { code, stdout, stderr } = await execute(
    ['make', '--silent', '-C', 'test/native', filter],
    tree,
  );
  const passed = [...stdout.matchAll(/^(\d+) passed/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  return {
    passed,
    failures: code === 0 ? [] : [`${stdout}${stderr}`.slice(0, 4000)],
    summary: `${passed} passed`,
  };
}

async function execute([file, ...args], cwd) {
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), 10 * minute);
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  clearTimeout(timer);
  return { code, stdout, stderr };
}
