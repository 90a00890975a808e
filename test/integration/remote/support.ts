/** Git repositories on loopback, and a user with a home, a cache and a project of their own. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Loaded, loadFrom } from '../../../cli/project.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const run = promisify(execFile);

export interface Lab extends AsyncDisposable {
  readonly root: string;
  readonly cache: string;
  readonly env: Record<string, string>;
  /** `git://127.0.0.1:PORT/NAME` */
  readonly url: (name: string) => string;
  /** Makes a repository, or adds a commit to it. Returns the commit. */
  readonly commit: (name: string, files: Readonly<Record<string, string>>) => Promise<string>;
  readonly git: (name: string, ...args: readonly string[]) => Promise<string>;
  /** From now on nobody answers. */
  readonly stop: () => Promise<void>;
  readonly load: (files: readonly string[], text?: string) => Promise<Loaded>;
}

export async function gitLab(): Promise<Lab> {
  const directory = await tempDir();
  const root = directory.path;
  const served = join(root, 'served');
  const project = join(root, 'project');
  const home = join(root, 'home');
  for (const path of [served, project, home]) await mkdir(path);
  const port = await freePort();
  const daemon = spawn(
    'git',
    ['daemon', '--export-all', `--base-path=${served}`, '--listen=127.0.0.1', `--port=${port}`],
    { stdio: 'ignore', detached: true },
  );
  const ended = once(daemon, 'close');
  await eventually(async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  });
  const stop = async (): Promise<void> => {
    // `git daemon` starts another program; both are of one group.
    if (daemon.exitCode === null && daemon.signalCode === null) process.kill(-(daemon.pid ?? 0));
    await ended;
  };
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, XDG_CACHE_HOME: join(root, 'cache') };
  const git = async (name: string, ...args: readonly string[]): Promise<string> => {
    const who = ['-c', 'user.name=x', '-c', 'user.email=x@y'];
    const { stdout } = await run('git', ['-C', join(served, name), ...who, ...args], { env });
    return stdout.trim();
  };
  return {
    root,
    cache: join(root, 'cache', 'tscompose'),
    env,
    url: (name) => `git://127.0.0.1:${port}/${name}`,
    git,
    commit: async (name, files) => {
      await mkdir(join(served, name), { recursive: true });
      await git(name, 'init', '-q', '-b', 'main');
      for (const [path, text] of Object.entries(files)) {
        const file = join(served, name, path);
        await mkdir(dirname(file), { recursive: true });
        if (text.startsWith('→')) await symlink(text.slice(1), file);
        else await writeFile(file, text);
      }
      await git(name, 'add', '-f', '.');
      await git(name, 'commit', '-q', '-m', 'x');
      return git(name, 'rev-parse', 'HEAD');
    },
    stop,
    load: async (files, text) => {
      if (text !== undefined) await writeFile(join(project, 'compose.yaml'), text);
      return loadFrom({ global: { file: files }, env, workingDirectory: project });
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
