import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type ConfigFormat,
  loadProject,
  type Project,
  renderConfig,
} from '../../../../compose/index.ts';
import { fakeHost } from '../lib/host.ts';

interface Case {
  readonly id: string;
  readonly expect: 'valid' | 'invalid';
  readonly cwd: string;
  readonly files: readonly string[];
  readonly globalArgs?: readonly string[];
  readonly input: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

const corpus = new URL(
  '../../../../../shared/conformance/compose-config/open.jsonl',
  import.meta.url,
);

function cases(): Case[] {
  return readFileSync(corpus, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Case)
    .filter(({ expect: kind, globalArgs = [] }) => kind === 'valid' && globalArgs.length === 0)
    .filter(({ id }) => !explained.some((pattern) => pattern.test(id)));
}

/** What docker compose 2.40.3 does not read again either. */
const explained = [
  // Empty or unset, it is left out, and what is left out has a default.
  /TestConfigInterpolate/u,
  // A service without anything of its own keeps its "extends".
  /TestExtendsNil|extends_w_empty_service/u,
  // A variable without a name can stand in an env file only.
  /godotenv_test\.go\.55/u,
  // The number -1 is a size, the text "-1", as which sizes are printed, is none.
  /bytes_test\.go-(mem_limit|memswap_limit|shm_size)/u,
];

/** null: what only a real directory or a machine elsewhere could answer. */
function load({ input, cwd, files, env }: Case): Project | null {
  const root = '/top/p/q/r';
  const placed = Object.entries(input).map(([path, text]) => [`${root}/${path}`, text] as const);
  const host = fakeHost({ files: Object.fromEntries(placed), environment: env ?? {} });
  const workingDirectory = `${root}/${cwd}`.replace(/\/\.?$/u, '');
  try {
    return loadProject({ workingDirectory, files }, host).project;
  } catch {
    return null;
  }
}

function reload(text: string, { name }: Project): Project {
  const host = fakeHost({ files: { '/again/compose.yaml': text } });
  const request = { workingDirectory: '/again', projectName: name, profiles: ['*'] };
  return loadProject({ ...request, allResources: true }, host).project;
}

/** JSON, as docker compose prints it, leaves models out and has other names for limits of block devices. */
function isWhole({ models, services }: Project, format: ConfigFormat): boolean {
  const hasLimits = Object.values(services).some(
    ({ blkio_config: limits }) => limits !== undefined,
  );
  return format === 'yaml' || (Object.keys(models).length === 0 && !hasLimits);
}

function outcome(load: () => string): string {
  try {
    return load();
  } catch (error) {
    return String(error);
  }
}

function difference(left: string, right: string): string {
  const lines = right.split('\n');
  const at = left.split('\n').findIndex((line, index) => line !== lines[index]);
  return `${left.split('\n')[at] ?? ''} | ${lines[at] ?? ''}`;
}

describe.runIf(existsSync(corpus))(
  'what config prints must load as what it was printed from',
  () => {
    test.each([
      ['yaml', 3],
      ['json', 9],
    ] as const)('%s, for one of %d files of the corpus', (format, stride) => {
      const wrong: string[] = [];
      let count = 0;
      for (const one of cases().filter((_, index) => index % stride === 0)) {
        const project = load(one);
        if (project === null || !isWhole(project, format)) continue;
        count += 1;
        const first = renderConfig(project, format);
        const again = outcome(() => renderConfig(reload(first, project), format));
        if (again !== first) wrong.push(`${one.id}: ${difference(first, again)}`);
      }
      expect(wrong).toEqual([]);
      expect(count).toBeGreaterThan(1000 / stride);
    });
  },
);
