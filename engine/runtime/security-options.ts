/** `security_opt`: Docker's key=value (or key:value) words → decisions. */
import { EngineError } from '../api/index.ts';

export interface SecurityOptions {
  readonly hasNoNewPrivileges: boolean;
  readonly hasWritableCgroups: boolean;
  /** The name as it was written; null: nothing was. */
  readonly appArmor: string | null;
  /** The profile's JSON where it is one of the user's own. */
  readonly seccomp: 'builtin' | 'unconfined' | { readonly json: string };
  /** Of SELinux, behind `label=`. */
  readonly labels: readonly string[];
}

export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let hasNoNewPrivileges = false;
  let hasWritableCgroups = false;
  let appArmor: string | null = null;
  let seccomp: SecurityOptions['seccomp'] = 'builtin';
  const labels: string[] = [];
  for (const option of options) {
    const [key = '', value] = splitOption(option);
    if (value === undefined && key !== 'no-new-privileges') {
      throw new EngineError(
        'invalid-argument',
        `invalid --security-opt 1: ${JSON.stringify(option)}`,
      );
    }
    switch (key) {
      case 'no-new-privileges':
        hasNoNewPrivileges = parseBoolean(option, value);
        break;
      case 'writable-cgroups':
        hasWritableCgroups = parseBoolean(option, value);
        break;
      case 'seccomp':
        seccomp = parseSeccomp(value);
        break;
      case 'apparmor':
        appArmor = value ?? '';
        break;
      case 'label':
        labels.push(value ?? '');
        break;
      default:
        throw new EngineError(
          'invalid-argument',
          `invalid --security-opt 2: ${JSON.stringify(option)}`,
        );
    }
  }
  return { hasNoNewPrivileges, hasWritableCgroups, appArmor, seccomp, labels };
}

/** Both separators are in use; whichever comes first counts, as the value may hold the other one. */
function splitOption(option: string): readonly string[] {
  const at = option.search(/[=:]/);
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)];
}

/** As Go's strconv.ParseBool. */
function parseBoolean(option: string, value: string | undefined): boolean {
  if (value === undefined || /^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw new EngineError('invalid-argument', `invalid --security-opt 2: ${JSON.stringify(option)}`);
}

function parseSeccomp(value = ''): SecurityOptions['seccomp'] {
  if (value === 'unconfined') return 'unconfined';
  return value === 'builtin' || value === '' ? 'builtin' : { json: value };
}
