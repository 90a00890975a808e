import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  composeErrorCodes,
  type ComposeErrorCode,
  composeErrorsOf,
  executePlan,
  formatComposeError,
  labels,
  loadProject,
  observe,
  reconcile,
} from '../../../compose/index.ts';
import { EngineError } from '../../../engine/api/index.ts';
import { FakeEngine } from './lib/engine.ts';
import { fakeHost } from './lib/host.ts';

const folder = new URL('../../../compose/docs/errors/', import.meta.url);
const pages = readdirSync(folder).filter((name) => name !== 'README.md');

/** Engines on which an example's `up` fails; the others have the images nginx and redis. */
const engines: Readonly<Partial<Record<ComposeErrorCode, () => FakeEngine | Promise<FakeEngine>>>> =
  {
    'dependency-failed': () => {
      const engine = new FakeEngine();
      engine.onStart = (name) => {
        engine.exit(name, 1);
      };
      return engine;
    },
    'engine-refused': () => {
      const engine = new FakeEngine();
      const hint = 'free some space below /var/lib/tscompose';
      engine.fail(
        'start shop-web-1',
        new EngineError('internal', 'no space left on device', { hint }),
      );
      return engine;
    },
    'port-in-use': () => {
      const engine = new FakeEngine();
      const details = { code: 'port-in-use', address: '0.0.0.0', port: '8080', protocol: 'tcp' };
      const hint =
        'process 4312 (nginx) of user www-data, started 2026-11-20T08:12:44.120Z, holds it; stop it or publish another port';
      const options = { hint, details };
      const message = 'address 0.0.0.0:8080 is already in use';
      engine.fail('start shop-web-1', new EngineError('conflict', message, options));
      return engine;
    },
    'update-failed': async () => {
      const engine = new FakeEngine();
      const Labels = {
        [labels.project]: 'shop',
        [labels.service]: 'web',
        [labels.containerNumber]: '1',
        [labels.configHash]: 'of an earlier file',
      };
      await engine.containers.create({ Labels }, { name: 'shop-web-1' });
      await engine.containers.start('shop-web-1');
      engine.health = null;
      engine.onStart = (name) => {
        engine.exit(name, 1);
      };
      return engine;
    },
  };

/** Examples that no page could show. */
const generated: Readonly<Partial<Record<ComposeErrorCode, () => string>>> = {
  'too-large': () => `x-data: "${'a'.repeat(8_000_001)}"\n`,
};

/** Runs the command of a page on its files. */
async function run(text: string, code: ComposeErrorCode): Promise<string> {
  const files = Object.fromEntries(
    [...text.matchAll(/^`([^`]+)`\n\n```\w+\n([^]*?)^```$/gm)].map(([, name = '', body = '']) => [
      `/shop/${name}`,
      body,
    ]),
  );
  const large = generated[code]?.();
  if (large !== undefined) files['/shop/compose.yaml'] = large;
  const words = /```console\n\$ tscompose (.*)\n```/.exec(text)?.[1]?.split(' ') ?? [];
  const named = words[0] === '-f' ? [words[1] ?? ''] : undefined;
  const services = words[0] === 'up' ? words.slice(1) : [];
  try {
    const request = { workingDirectory: '/shop', ...(named && { files: named }) };
    const { project } = loadProject(request, fakeHost({ files }));
    const engine = (await engines[code]?.()) ?? new FakeEngine();
    const observed = await observe(engine, project.name);
    const plan = reconcile(project, observed, { ...(services.length > 0 && { services }) });
    await executePlan(plan, { engine, project, observed });
  } catch (error) {
    const errors = composeErrorsOf(error);
    if (errors === null) throw error;
    return errors.map(formatComposeError).join('\n\n');
  }
  throw new Error('the example was expected to fail');
}

describe('pages about errors', () => {
  test('each code must have one, and each page a code', () => {
    expect(pages.sort()).toEqual(composeErrorCodes.map((code) => `${code}.md`).sort());
    const listed = readFileSync(new URL('README.md', folder), 'utf8').matchAll(
      /^- \[([a-z-]+)\]/gm,
    );
    expect([...listed].map(([, code]) => code)).toEqual([...composeErrorCodes].sort());
  });

  /** `vitest -u` writes what is printed into the pages. */
  test.each(composeErrorCodes)('%s.md must show what its example prints', async (code) => {
    const page = new URL(`${code}.md`, folder);
    const text = readFileSync(page, 'utf8');
    const printed = await run(text, code);
    expect(printed).toContain(`error[${code}]: `);
    const shown = text.replace(/^```text\n[^]*?^```$/m, () => `\`\`\`text\n${printed}\n\`\`\``);
    await expect(shown).toMatchFileSnapshot(fileURLToPath(page));
    expect(text).toMatch(/^# [a-z-]+\n\n\S[^]*\n## How to fix it\n\n- /);
  });
});
