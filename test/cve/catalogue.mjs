// Every CVE of the list has its test: ids C-01 to C-31 and some of the others each begin the title of a test, or of what it belongs to; each
// has variants; none is skipped but for what the machine lacks. Part of `npm run check`; nothing is run.
import process from 'node:process';
import { createVitest } from 'vitest/node';

const ids = [
  ...Array.from({ length: 31 }, (_, index) => `C-${String(index + 1).padStart(2, '0')}`),
  ...['C-63', 'C-68', 'C-73', 'C-74', 'C-76'],
];
const leastVariants = 3;

const vitest = await createVitest('test', {
  config: new URL('../vitest.config.ts', import.meta.url).pathname,
  project: ['integration'],
  watch: false,
  reporters: [],
});
let wrong = [];
try {
  const { testModules, unhandledErrors } = await vitest.collect(['test/cve/']);
  const tests = testModules.flatMap((module) => [...module.children.allTests()]);
  wrong = [
    ...unhandledErrors.map(String),
    ...testModules.flatMap((module) =>
      module.errors().map(({ message }) => `${module.moduleId}: ${message}`),
    ),
    ...ids.flatMap((id) =>
      findWrong(
        id,
        tests.filter((test) => titlesOf(test).some((title) => title.startsWith(`${id},`))),
      ),
    ),
  ];
} finally {
  await vitest.close();
}
for (const line of wrong) process.stderr.write(`${line}\n`);
process.exit(wrong.length === 0 ? 0 : 1);

function findWrong(id, tests) {
  if (tests.length < leastVariants)
    return [`${id} has ${tests.length} tests, and should have ${leastVariants}`];
  return tests
    .filter((test) => ['skip', 'todo'].includes(test.options.mode) && !isExcused(test))
    .map((test) => `${id} is skipped: ${test.fullName}`);
}

/** The title then says what is missing (lib/requires.ts), or the test is of another architecture. */
function isExcused(test) {
  const missing = titlesOf(test).some((title) => /\(missing: (?!nothing\))/.test(title));
  return missing || (process.arch !== 'x64' && test.name.includes('32-bit'));
}

function titlesOf(test) {
  const titles = [test.name];
  for (let at = test.parent; at.type === 'suite'; at = at.parent) titles.push(at.name);
  return titles;
}
