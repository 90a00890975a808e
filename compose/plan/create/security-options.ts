/** `security_opt` as the engine takes it: profiles by content, `systempaths` as the paths themselves. */
import type { HostConfig } from '../../../engine/api/index.ts';
import type { Project } from '../../model/project.ts';
import type { Service } from '../../model/service.ts';
import { errorAt } from '../../positions.ts';

const prefix = 'seccomp=';
const words: readonly string[] = ['unconfined', 'builtin', ''];

/** Throws ComposeError where a profile is none. */
export function securityOptions(
  project: Project,
  serviceName: string,
  { security_opt: options }: Service,
): Partial<HostConfig> {
  if (options === undefined) return {};
  const isUnconfined = (option: string): boolean => option === 'systempaths=unconfined';
  return {
    SecurityOpt: options.flatMap((option, index) =>
      isUnconfined(option)
        ? []
        : [withContent(project, option, ['services', serviceName, 'security_opt', index])],
    ),
    ...(options.some(isUnconfined) && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

/** A path is one below the project's directory, as with docker compose. */
function withContent(project: Project, option: string, path: readonly (string | number)[]): string {
  const value = option.slice(prefix.length);
  if (!/^seccomp[=:]/.test(option) || words.includes(value)) return option;
  const fail = (reason: string): never => {
    throw errorAt(
      project,
      ['file-not-found', `opening seccomp profile (${value}) failed: ${reason}`],
      {
        path,
        hint: 'a path counts from the project directory',
      },
    );
  };
  const read = project.readFile(
    value.startsWith('/') ? value : `${project.workingDirectory}/${value}`,
  );
  if (read.kind === 'absent') return fail('no such file');
  if (read.kind === 'directory') return fail('is a directory');
  if (read.kind === 'failed') return fail(read.reason);
  try {
    JSON.parse(read.text);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  return `${prefix}${compact(read.text)}`;
}

/** Without the white space between tokens. Not parsed and printed again: numbers have up to 64 bits in here. */
function compact(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_all, text: string | undefined) => text ?? '');
}
