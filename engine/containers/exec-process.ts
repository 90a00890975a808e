/** From an exec's command to what its program may do and sees: as the container's first one, unless it asks otherwise. */
import { constants, fstatSync, readFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import { buildExecProcess } from '../runtime/index.ts';
import type { SandboxProcess, TerminalSize } from '../runtime/index.ts';
import { closeFd, isSyscallError, openAt, openTrusted } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext, RunningProcess } from './context.ts';
import { environmentOf, securityOf, ulimitsOf } from './sandbox-request.ts';
import { lookUpUser } from './user-lookup.ts';
import { resolveUser } from './user.ts';
import type { ResolvedUser } from './user.ts';

export interface ExecCommand {
  /** At least one. */
  readonly args: readonly string[];
  /** "NAME=value", on top of the container's own; a name alone removes it. */
  readonly env?: readonly string[];
  /** As a container's `User`; absent or empty: the container's own. */
  readonly user?: string;
  /** Absent or empty: the container's own. */
  readonly workingDir?: string;
  readonly isPrivileged?: boolean;
}

export type ExecProcessContext = Pick<
  ContainerContext,
  'images' | 'snapshots' | 'cgroups' | 'host' | 'layout' | 'runtimes'
>;

export async function execProcessOf(
  ctx: ExecProcessContext,
  container: Container & { readonly process: RunningProcess },
  { command, terminal }: { readonly command: ExecCommand; readonly terminal: TerminalSize | null },
): Promise<SandboxProcess> {
  const { record } = container;
  const { config, hostConfig } = record;
  const user = await findUser(ctx, container, command.user ?? '');
  return buildExecProcess(
    {
      process: {
        args: command.args,
        env: environmentOf(record, {
          home: user.home,
          hasTerminal: terminal !== null,
          extra: command.env ?? [],
        }),
        cwd: nonEmpty(command.workingDir) ?? config.WorkingDir ?? '',
        uid: user.uid,
        gid: user.gid,
        groups: user.groups,
        hasInit: false,
        oomScoreAdj: hostConfig.OomScoreAdj ?? null,
        terminal,
        hasInput: false,
      },
      security: securityOf(record, ctx.host),
      cgroup: ctx.cgroups.placement(record.id),
      ulimits: ulimitsOf(record),
      isPrivileged: command.isPrivileged === true,
    },
    ctx.host,
  );
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/**
 * The container's own user is what the image says, as at its start. One that is named is looked up in the files that the
 * container has now, where somebody may have added it.
 */
export async function findUser(
  ctx: ExecProcessContext,
  { record, process }: Pick<Container, 'record'> & { readonly process: RunningProcess },
  user: string,
): Promise<ResolvedUser> {
  const groupAdd = record.hostConfig.GroupAdd ?? [];
  const image = ctx.images.resolve(record.imageId);
  if (user === '' && image !== null) {
    return await lookUpUser(ctx, image, { user: record.config.User ?? '', groupAdd });
  }
  const wanted = user === '' ? (record.config.User ?? '') : user;
  const root = openTrusted(`/proc/${process.containerPid}/root`, constants.O_DIRECTORY | O_PATH);
  try {
    const passwd = readText(root, '/etc/passwd');
    return resolveUser({ user: wanted, groupAdd, passwd, group: readText(root, '/etc/group') });
  } finally {
    closeFd(root);
  }
}

const O_PATH = 0o10000000;
const mostFileBytes = 1 << 20;

/** What the path leads to is looked at before it is opened: in place of a file the container may have put anything. */
function readText(root: Fd, path: string): string {
  let found: Fd;
  try {
    found = openAt(root, path, { flags: O_PATH });
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return '';
    throw error;
  }
  try {
    const stat = fstatSync(found);
    if (!stat.isFile()) return '';
    if (stat.size > mostFileBytes) {
      throw new EngineError(
        'invalid-argument',
        `"${path}" of the container has more than ${mostFileBytes} bytes`,
      );
    }
    return readFileSync(`/proc/self/fd/${found}`, 'utf8');
  } finally {
    closeFd(found);
  }
}
