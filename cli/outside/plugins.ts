/** Programs that extend the docker command line, where docker looks for them, else in PATH. */
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

const systemDirectories = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

/** `docker-NAME` among the plugins, else NAME in PATH; null where there is neither. */
export function findProgram(name: string, env: Environment): string | null {
  return findPlugin(name, env) ?? findIn(pathOf(env), name);
}

export function findPlugin(name: string, env: Environment): string | null {
  const home = env['HOME'] ?? homedir();
  const own = join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'cli-plugins');
  return findIn([own, ...systemDirectories], `docker-${name}`);
}

function pathOf(env: Environment): string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
}

function findIn(directories: readonly string[], name: string): string | null {
  // A name with a slash would be a path below the current directory.
  if (!/^[\w.+-]+$/u.test(name)) return null;
  const paths = directories.map((directory) => join(directory, name));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Absent, or not for us: either way no program to run.
    return false;
  }
}
