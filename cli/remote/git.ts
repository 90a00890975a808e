/** Compose files from git repositories: a reference becomes a commit, a commit a directory of the cache. */
import { mkdir, rm } from 'node:fs/promises';
import { type GitReference, shownReference } from '../../compose/index.ts';
import type { Cache } from './cache.ts';
import {
  type Environment,
  type GitOutcome,
  localEnvironment,
  networkEnvironment,
  type NetworkOptions,
  runGit,
} from './git-command.ts';
import { makeLinks, type TreeLink } from './git-links.ts';
import { composeFileIn } from './compose-file.ts';
import type { FetchResult } from './remotes.ts';

export interface GitOptions extends NetworkOptions {
  readonly cache: Cache;
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

interface Failure {
  readonly kind: 'failed';
  readonly reason: string;
  readonly hint?: string;
}

interface Resolved {
  readonly kind: 'commit';
  readonly commit: string;
  readonly warnings: readonly string[];
}

const askTimeoutMs = 60_000;
const fetchTimeoutMs = 10 * 60_000;
const commitPattern = /^[0-9a-f]{40}$/;

export async function fetchGit(reference: GitReference, options: GitOptions): Promise<FetchResult> {
  const resolved = await resolve(reference, options);
  if (resolved.kind === 'failed') return resolved;
  const { commit } = resolved;
  const warnings = [...resolved.warnings];
  const { cache } = options;
  let directory = await cache.find('git', commit);
  if (directory === null) {
    try {
      directory = await cache.add('git', commit, async (target) => {
        warnings.push(...(await checkOut(target, { reference, commit, options })));
      });
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      return error.failure;
    }
  }
  await cache.remember('git', nameOf(reference), commit);
  const found = await composeFileIn(directory, reference.subdir);
  if (found.kind === 'failed') return found;
  const shown = shownReference(reference.remote);
  return {
    kind: 'fetched',
    source: { shown, identity: `commit ${commit}`, directory, file: found.file },
    warnings: warnings.map((warning) => `${shown}: ${warning}`),
  };
}

/** Thrown through Cache.add, which has cleaning up to do. */
class GitFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

function nameOf({ remote, ref }: GitReference): string {
  return `${remote}\n${ref ?? 'HEAD'}`;
}

async function resolve(reference: GitReference, options: GitOptions): Promise<Resolved | Failure> {
  const ref = reference.ref ?? 'HEAD';
  if (commitPattern.test(ref)) return { kind: 'commit', commit: ref, warnings: [] };
  const outcome = await runGit({
    // `^{}` is the commit that an annotated tag points to.
    args: ['ls-remote', '--exit-code', '--', reference.remote, ref, `${ref}^{}`],
    cwd: await options.cache.directory('git'),
    env: networkEnvironment(options.env, options),
    timeoutMs: askTimeoutMs,
    signal: options.signal,
  });
  if (outcome.exitCode === 0) return resolvedTo(reference, commitNamed(outcome.stdout, ref));
  if (outcome.exitCode === 2) return noSuchRef(ref);
  const remembered = isUnreachable(outcome)
    ? await options.cache.recall('git', nameOf(reference))
    : null;
  if (remembered !== null && (await options.cache.find('git', remembered.key)) !== null) {
    const { key, at } = remembered;
    const warning = `cannot be reached (${outcome.complaint}): using commit ${key.slice(0, 12)}, which "${ref}" was at ${at.toISOString()}`;
    const resolved = resolvedTo(reference, key);
    return resolved.kind === 'failed' ? resolved : { ...resolved, warnings: [warning] };
  }
  return failureOf(outcome, 'the repository cannot be read');
}

function resolvedTo({ commit, ref }: GitReference, found: string | null): Resolved | Failure {
  if (found === null) return noSuchRef(ref ?? 'HEAD');
  if (commit !== null && commit !== found) {
    return {
      kind: 'failed',
      reason: `"${ref ?? 'HEAD'}" is commit ${found}, not ${commit}`,
      hint: 'somebody has moved the branch or tag: look at what changed before you trust it',
    };
  }
  return { kind: 'commit', commit: found, warnings: [] };
}

function noSuchRef(ref: string): Failure {
  return {
    kind: 'failed',
    reason: `the repository has no branch or tag "${ref}"`,
    ...(/^[0-9a-f]{7,39}$/.test(ref) && { hint: 'write a commit with all of its 40 digits' }),
  };
}

/** In git's own order (gitrevisions(7)), a tag before a branch; ls-remote also lists what only ends with the name. */
function commitNamed(listing: string, ref: string): string | null {
  const names = new Map<string, string>();
  for (const line of listing.split('\n')) {
    const [commit = '', name = ''] = line.split('\t');
    if (commitPattern.test(commit)) names.set(name, commit);
  }
  for (const full of [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`]) {
    const commit = names.get(`${full}^{}`) ?? names.get(full);
    if (commit !== undefined) return commit;
  }
  return null;
}

interface CheckOutScope {
  readonly reference: GitReference;
  readonly commit: string;
  readonly options: GitOptions;
}

/** Writes the commit's files into `target`, without a repository around them. Returns warnings. */
async function checkOut(
  target: string,
  { reference, commit, options }: CheckOutScope,
): Promise<string[]> {
  const repository = `${target}.git`;
  await mkdir(repository, { mode: 0o700 });
  const local = localEnvironment(options.env);
  const at = ['--git-dir', repository];
  const run = async (args: readonly string[], env: Record<string, string>): Promise<GitOutcome> => {
    const call = { args, cwd: target, env, timeoutMs: fetchTimeoutMs, signal: options.signal };
    const outcome = await runGit(call);
    if (outcome.exitCode !== 0) throw new GitFailure(failureOf(outcome, 'it cannot be fetched'));
    return outcome;
  };
  await run(['init', '--quiet', '--bare', '--template=', repository], local);
  const fetch = ['fetch', '--quiet', '--depth=1', '--no-tags', '--no-recurse-submodules'];
  await run(
    [...at, ...fetch, '--', reference.remote, commit],
    networkEnvironment(options.env, options),
  );
  await run(
    [...at, '--work-tree', target, 'checkout', '--quiet', '--force', '--detach', commit],
    local,
  );
  const { stdout: listing } = await run([...at, 'ls-tree', '-r', '-z', commit], local);
  const entries = entriesOf(listing);
  const links = await Promise.all(
    entries
      .filter(({ mode }) => mode === '120000')
      .map(async ({ id, path }): Promise<TreeLink> => {
        const { stdout } = await run([...at, 'cat-file', 'blob', id], local);
        return { path, target: stdout };
      }),
  );
  const left = await makeLinks(target, links);
  const modules = entries.filter(({ mode }) => mode === '160000').map(({ path }) => path);
  await rm(repository, { recursive: true, force: true });
  return [...linkWarnings(left), ...moduleWarnings(modules)];
}

interface TreeEntry {
  readonly mode: string;
  readonly id: string;
  readonly path: string;
}

function entriesOf(listing: string): TreeEntry[] {
  return listing.split('\0').flatMap((line) => {
    const [, mode = '', id = '', path = ''] =
      /^(\d{6}) [a-z]+ ([0-9a-f]+)\t([^]*)$/.exec(line) ?? [];
    return path === '' ? [] : [{ mode, id, path }];
  });
}

function linkWarnings(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  return [`symbolic links that lead out of the repository were not made: ${someOf(paths)}`];
}

function moduleWarnings(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  return [`submodules are not fetched: ${someOf(paths)}`];
}

function someOf(paths: readonly string[]): string {
  const shown = paths
    .slice(0, 3)
    .map((path) => JSON.stringify(path))
    .join(', ');
  return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown;
}

function isUnreachable({ exitCode, complaint }: GitOutcome): boolean {
  return (
    exitCode !== 2 &&
    /could not resolve|unable to (connect|look up)|connection (refused|timed out|reset)|failed to connect|couldn't connect|network is unreachable|no route to host|temporary failure|no answer within|timed out/i.test(
      complaint,
    )
  );
}

function failureOf({ complaint }: GitOutcome, what: string): Failure {
  const reason = complaint === '' ? what : `${what}: ${complaint}`;
  const hint = hintFor(complaint);
  return { kind: 'failed', reason, ...(hint !== undefined && { hint }) };
}

function hintFor(complaint: string): string | undefined {
  if (complaint === 'git is not installed') return 'install git';
  if (
    /terminal prompts disabled|authentication failed|could not read (username|password)/i.test(
      complaint,
    )
  ) {
    return 'git is not allowed to ask for a password here: set up a credential helper, or use ssh with an agent';
  }
  if (/permission denied|publickey|host key/i.test(complaint)) {
    return 'check with `ssh -T` that your key and the host are known';
  }
  if (/transport '.*' not allowed/i.test(complaint)) {
    return 'only https, http, ssh and git are allowed, also after a rewrite by `url.*.insteadOf`';
  }
  return undefined;
}
