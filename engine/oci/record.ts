/**
 * What this runtime remembers of a container: one directory below its root. The record is there before the cgroup and
 * the processes that it names, so that `delete` finds whatever a killed `create` has left.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../api/index.ts';
import { writeFileAtomic } from '../lib/index.ts';
import { readOciConfig } from '../runtime/index.ts';
import type { OciConfig, SandboxPaths } from '../runtime/index.ts';

export interface ContainerRecord {
  readonly version: 1;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** ISO 8601 */
  readonly created: string;
  readonly cgroup: CgroupPlace;
  /** CLONE_NEW* of the namespaces that an exec joins. */
  readonly namespaces: number;
  /** null: the first process was not there yet when this was written. */
  readonly process: { readonly pid: number; readonly startTime: string } | null;
}

export interface CgroupPlace {
  /** Of `Cgroups`; "." is the root of the hierarchies. */
  readonly instance: string;
  readonly parent: string;
  readonly name: string;
}

export class Containers {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  directory(id: string): string {
    return join(this.#root, checkedId(id));
  }

  paths(id: string): SandboxPaths {
    return {
      control: join(this.directory(id), 'shim.sock'),
      exit: join(this.directory(id), 'exit'),
    };
  }

  /** Takes the id; its directory has the configuration as it is now, which may be changed in the bundle meanwhile. */
  async add(record: ContainerRecord, config: string): Promise<void> {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    try {
      mkdirSync(this.directory(record.id), { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new EngineError('conflict', `container "${record.id}" exists already`, {
        cause: error,
      });
    }
    await writeFileAtomic(this.#file(record.id, 'config.json'), config, { durability: 'boot' });
    await this.write(record);
  }

  async write(record: ContainerRecord): Promise<void> {
    await writeFileAtomic(this.#file(record.id, 'state.json'), JSON.stringify(record), {
      durability: 'boot',
    });
  }

  /** null: there is no such container. One of a creation that was cut off before its record is as good as none. */
  find(id: string): ContainerRecord | null {
    const text = readIfThere(this.#file(id, 'state.json'));
    return text === null ? null : (JSON.parse(text) as ContainerRecord);
  }

  get(id: string): ContainerRecord {
    const record = this.find(id);
    if (record !== null) return record;
    throw new EngineError('not-found', `container "${id}" does not exist`);
  }

  config(id: string): OciConfig {
    return readOciConfig(readFileSync(this.#file(id, 'config.json'), 'utf8'));
  }

  remove(id: string): void {
    rmSync(this.directory(id), { recursive: true, force: true });
  }

  list(): readonly ContainerRecord[] {
    let names: string[];
    try {
      names = readdirSync(this.#root);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    return names.sort().flatMap((name) => {
      const record = isContainerId(name) ? this.find(name) : null;
      return record === null ? [] : [record];
    });
  }

  #file(id: string, name: string): string {
    return join(this.directory(id), name);
  }
}

function isContainerId(id: string): boolean {
  return /^[\w+.-]{1,1024}$/.test(id) && id !== '.' && id !== '..';
}

function checkedId(id: string): string {
  if (isContainerId(id)) return id;
  throw new EngineError('invalid-argument', `"${id}" cannot be the id of a container`, {
    hint: 'use letters, digits, "_", "+", "-" and "."',
  });
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const ownGroup = 'tscompose-oci';

/** `linux.cgroupsPath`: absolute from the root of the hierarchies, else below a directory of ours. */
export function cgroupPlace(path: string | undefined, id: string): CgroupPlace {
  if (path === undefined || path === '') return { instance: ownGroup, parent: '', name: id };
  const steps = path.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..') || steps.length === 0) {
    throw new EngineError('invalid-argument', `linux.cgroupsPath "${path}" is no path of a group`);
  }
  const absolute = path.startsWith('/') ? steps : [ownGroup, ...steps];
  const name = absolute.at(-1) ?? id;
  const parent = absolute.slice(0, -1).join('/');
  if (parent === ownGroup) return { instance: ownGroup, parent: '', name };
  return { instance: '.', parent, name };
}
