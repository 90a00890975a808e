/** Running git so that it does what its arguments say, and nothing that an environment, a repository or a server says. */
import { execa } from 'execa';
import { devNull } from 'node:os';
import { dirname } from 'node:path';
import { shownReference } from '../../compose/index.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface GitCall {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GitOutcome {
  /** null: it could not be started, or was ended. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** What it says is wrong, in one line, without passwords. */
  readonly complaint: string;
}

/** What users tell git through the environment about the way to a server. Everything else GIT_* would redirect us. */
const keptVariables: ReadonlySet<string> = new Set([
  'GIT_ASKPASS',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GIT_SSH_VARIANT',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  'GIT_SSL_CERT',
  'GIT_SSL_KEY',
  'GIT_SSL_NO_VERIFY',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_SYSTEM',
]);

/** `ext::`, `fd::` and whatever else git knows run programs or read files of this machine. */
const protocols = ['https', 'http', 'ssh', 'git'];

function cleanEnvironment(env: Environment): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || (name.startsWith('GIT_') && !keptVariables.has(name))) continue;
    clean[name] = value;
  }
  // Complaints are read below.
  return { ...clean, LC_ALL: 'C', LANGUAGE: 'C', GIT_TERMINAL_PROMPT: '0' };
}

export interface NetworkOptions {
  /** Beyond the usual ones; `file` in tests. */
  readonly protocols?: readonly string[];
}

/** For talking to servers: the user's own configuration counts, which has credentials, proxies and authorities. */
export function networkEnvironment(
  env: Environment,
  options: NetworkOptions = {},
): Record<string, string> {
  const clean = cleanEnvironment(env);
  const hasSsh = clean['GIT_SSH'] !== undefined || clean['GIT_SSH_COMMAND'] !== undefined;
  return {
    ...clean,
    ...(!hasSsh && { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ControlMaster=no' }),
    GIT_ALLOW_PROTOCOL: [...protocols, ...(options.protocols ?? [])].join(':'),
  };
}

/** For writing files: nobody's configuration counts, so no filter (LFS among them), hook or monitor is a program to run. */
export function localEnvironment(env: Environment): Record<string, string> {
  return {
    ...cleanEnvironment(env),
    GIT_CONFIG_GLOBAL: devNull,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: '',
    GIT_LFS_SKIP_SMUDGE: '1',
  };
}

const always = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.symlinks=false',
  'core.protectNTFS=true',
  'core.protectHFS=true',
  'core.autocrlf=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'advice.detachedHead=false',
  'protocol.version=2',
].flatMap((setting) => ['-c', setting]);

const longestOutput = 32 * 1024 * 1024;

export async function runGit({ args, cwd, env, timeoutMs, signal }: GitCall): Promise<GitOutcome> {
  const result = await execa('git', [...always, ...args], {
    cwd,
    // What lies above is somebody's repository: its configuration, which can name programs, is not for us.
    env: { ...env, GIT_CEILING_DIRECTORIES: dirname(cwd) },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    stripFinalNewline: false,
    timeout: timeoutMs,
    maxBuffer: longestOutput,
    ...(signal !== undefined && { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  const { exitCode, stdout, stderr, timedOut, failed } = result;
  const complaint = timedOut
    ? `no answer within ${timeoutMs / 1000} s`
    : exitCode === undefined && failed
      ? cannotStart(result.code)
      : complaintOf(stderr);
  return { exitCode: exitCode ?? null, stdout, complaint };
}

function cannotStart(code: string | undefined): string {
  return code === 'ENOENT' ? 'git is not installed' : 'git was ended';
}

/** The first line that says what is wrong. A server's words must not move the cursor of a terminal. */
function complaintOf(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim())
    .filter(Boolean);
  const found =
    lines.find((line) => /^(fatal|error|remote error|ssh):/i.test(line)) ?? lines[0] ?? '';
  const plain = found
    .replace(/^(fatal|error): /i, '')
    .replace(/:$/, '')
    .slice(0, 300);
  return plain.replaceAll(/[a-z]+:\/\/[^\s'"]+/gi, (address) => shownReference(address));
}
