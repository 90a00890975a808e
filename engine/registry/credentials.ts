/** What a registry is shown to let somebody in, and where Docker keeps it. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { credentialKey } from './address.ts';
import { RegistryError } from './errors.ts';

export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** Exchanged for short-lived tokens at the token server. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Shown to the registry as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** null: nobody has logged in there, so anonymously. */
export type FindCredentials = (domain: string, signal?: AbortSignal) => Promise<Credentials | null>;

export interface DockerCredentialsOptions {
  /** Where config.json is: `$DOCKER_CONFIG`, `~/.docker`. */
  readonly directory: string;
  /** For credential helpers: they look for their programs and stores through it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface DockerConfig {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string;
}

const longestAnswer = 1024 * 1024;
const helperTimeoutMs = 30_000;

/** As `docker login` left it: a helper for this registry, the helper for all, the file itself. */
export function dockerCredentials(options: DockerCredentialsOptions): FindCredentials {
  return async (domain) => {
    const file = join(options.directory, 'config.json');
    const config = await readConfig(file);
    if (config === null) return null;
    const keys = keysFor(domain);
    const own = keys.map((key) => config.credHelpers[key]).find((name) => typeof name === 'string');
    const helper = typeof own === 'string' ? own : config.credsStore;
    if (helper !== '') {
      for (const server of keys) {
        const found = await askHelper({ helper, server, env: options.env });
        if (found !== null) return found;
      }
    }
    for (const key of keys) {
      const entry = Object.entries(config.auths).find(([name]) => sameServer(name, key));
      if (entry !== undefined) return fromEntry(entry[1], { file, domain });
    }
    return null;
  };
}

function keysFor(domain: string): string[] {
  const key = credentialKey(domain);
  return key === domain ? [domain] : [key, domain, 'index.docker.io'];
}

/** Old entries are whole addresses: `https://registry.example.com/v1/`. */
function sameServer(name: string, key: string): boolean {
  const host = (text: string): string => text.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return name === key || host(name) === host(key);
}

async function readConfig(file: string): Promise<DockerConfig | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new RegistryError('credentials', `cannot read credentials from "${file}"`, {
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser quotes what it stumbles over, which may be a password.
    value = null;
  }
  if (!isObject(value)) {
    throw new RegistryError('credentials', `"${file}" is not valid JSON`, {
      hint: `correct "${file}", or move it away and log in again`,
    });
  }
  const { auths, credHelpers, credsStore } = value;
  return {
    auths: isObject(auths) ? auths : {},
    credHelpers: isObject(credHelpers) ? credHelpers : {},
    credsStore: typeof credsStore === 'string' ? credsStore : '',
  };
}

interface EntryPlace {
  readonly file: string;
  readonly domain: string;
}

function fromEntry(entry: unknown, { file, domain }: EntryPlace): Credentials | null {
  if (!isObject(entry)) return null;
  const { identitytoken, registrytoken, auth, username, password } = entry;
  if (isText(identitytoken)) return { kind: 'identity-token', token: identitytoken };
  if (isText(registrytoken)) return { kind: 'registry-token', token: registrytoken };
  if (isText(username) && isText(password)) return { kind: 'password', username, password };
  if (!isText(auth)) return null;
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 1) {
    throw new RegistryError('credentials', `the entry for ${domain} in "${file}" is damaged`, {
      hint: `run \`docker login ${domain}\``,
    });
  }
  return {
    kind: 'password',
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1),
  };
}

interface HelperCall {
  readonly helper: string;
  readonly server: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** docker-credential-helpers' protocol: the server's name on standard input, JSON on standard output. */
async function askHelper(call: HelperCall): Promise<Credentials | null> {
  const { helper, server } = call;
  const program = `docker-credential-${helper}`;
  // It becomes part of a program's name: nothing in it may lead to another directory.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) {
    throw new RegistryError('credentials', `"${helper}" is no name of a credential helper`);
  }
  const { code, output } = await run(program, call);
  if (code !== 0) {
    if (/credentials not found|no credentials server URL/i.test(output)) return null;
    throw new RegistryError(
      'credentials',
      `${program} cannot give the credentials for ${server}: ${firstLine(output)}`,
      { hint: `run \`${program} list\` to see what is wrong with it` },
    );
  }
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    answer = null;
  }
  const { Username: username, Secret: secret } = isObject(answer) ? answer : {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new RegistryError('credentials', `${program} gave no credentials but something else`);
  }
  if (secret === '') return null;
  if (username === '<token>') return { kind: 'identity-token', token: secret };
  return { kind: 'password', username, password: secret };
}

function firstLine(output: string): string {
  return (output.trim().split('\n', 1)[0] ?? '').slice(0, 200) || 'it says nothing';
}

async function run(
  program: string,
  { server, env }: HelperCall,
): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(program, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...env },
    timeout: helperTimeoutMs,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > longestAnswer) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  // A helper that has seen enough does not read on.
  child.stdin.on('error', () => undefined);
  child.stdin.end(server);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      reject(
        new RegistryError('credentials', `cannot run ${program}: ${error.message}`, {
          cause: error,
          hint: `install ${program}, or remove it from Docker's config.json`,
        }),
      );
    });
    child.on('close', (code) => {
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
