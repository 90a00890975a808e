/** `update`: other limits for a container that exists. */
import { readFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import { ociResourceWrites, readOciResources } from '../runtime/index.ts';
import type { OciResources } from '../runtime/index.ts';
import type { Options } from './arguments.ts';
import { cgroupsOf, observe, requireStatus } from './context.ts';
import type { Context } from './context.ts';

export async function update(context: Context, id: string, options: Options): Promise<void> {
  const observed = await observe(context, id);
  observed.shim?.close();
  requireStatus(observed, ['created', 'running', 'paused'], 'update');
  const { record } = observed;
  const cgroups = cgroupsOf(record);
  const resources = merge(fromFile(options.text('resources')), fromOptions(options));
  const writes = ociResourceWrites(resources, {
    version: cgroups.limitVersion,
    currentMemoryBytes: cgroups.memoryLimit(record.cgroup.name),
  });
  cgroups.write(record.cgroup.name, writes);
}

/** "-" is the input. Rules for devices stay as they are: one that is open would not be closed. */
function fromFile(path: string | undefined): OciResources {
  if (path === undefined) return {};
  try {
    const { devices: _, ...rest } = readOciResources(readFileSync(path === '-' ? 0 : path, 'utf8'));
    return rest;
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError('invalid-argument', `cannot read "${path}"`, { cause: error });
  }
}

function fromOptions(options: Options): OciResources {
  const number = (name: string): number | undefined => {
    const value = options.text(name);
    if (value === undefined) return undefined;
    if (/^-?\d{1,19}$/.test(value)) return Number(value);
    throw new EngineError('invalid-argument', `--${name} "${value}" is no number`);
  };
  return {
    memory: defined({
      limit: number('memory'),
      reservation: number('memory-reservation'),
      swap: number('memory-swap'),
    }),
    cpu: defined({
      shares: number('cpu-share'),
      period: number('cpu-period'),
      quota: number('cpu-quota'),
      cpus: options.text('cpuset-cpus'),
      mems: options.text('cpuset-mems'),
    }),
    pids: defined({ limit: number('pids-limit') }),
    blockIO: defined({ weight: number('blkio-weight') }),
  };
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}

/** Words of the command line win over the file. */
function merge(file: OciResources, words: OciResources): OciResources {
  return {
    ...file,
    memory: { ...file.memory, ...words.memory },
    cpu: { ...file.cpu, ...words.cpu },
    pids: { ...file.pids, ...words.pids },
    blockIO: { ...file.blockIO, ...words.blockIO },
  };
}
