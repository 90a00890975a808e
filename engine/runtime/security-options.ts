/** `security_opt`: Docker's key=value (or key:value) words → decisions. */
import { EngineError } from '../api/index.ts';

export interface SecurityOptions {
  readonly hasNoNewPrivileges: boolean;
  readonly isSeccompUnconfined: boolean;
}

export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let hasNoNewPrivileges = false;
  let isSeccompUnconfined = false;
  for (const option of options) {
    const [key = '', value = ''] = splitOption(option);
    switch (key) {
      case 'no-new-privileges':
        hasNoNewPrivileges = parseBoolean(option, value);
        break;
      case 'seccomp':
        isSeccompUnconfined = parseSeccomp(value);
        break;
      case 'apparmor':
      case 'label':
        // Without the security module there is nothing to confine by, and Docker accepts the words as well.
        break;
      default:
        throw new EngineError(
          'invalid-argument',
          `invalid --security-opt: ${JSON.stringify(option)}`,
        );
    }
  }
  return { hasNoNewPrivileges, isSeccompUnconfined };
}

/** Both separators are in use; whichever comes first counts, as the value may hold the other one. */
function splitOption(option: string): readonly string[] {
  const at = option.search(/[=:]/);
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)];
}

function parseBoolean(option: string, value: string): boolean {
  if (value === '' || value === 'true') return true;
  if (value === 'false') return false;
  throw new EngineError('invalid-argument', `invalid --security-opt: ${JSON.stringify(option)}`);
}

function parseSeccomp(value: string): boolean {
  if (value === 'unconfined') return true;
  if (value === 'builtin') return false;
  throw new EngineError('not-implemented', 'a seccomp profile of your own is not supported yet', {
    hint: 'use seccomp=unconfined or leave it out',
  });
}
