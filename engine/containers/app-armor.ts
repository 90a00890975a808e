/** Profiles of AppArmor that the kernel must have before a container is started under them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import {
  chooseAppArmor,
  defaultProfile,
  defaultProfileText,
  parseProfiles,
  parseSecurityOptions,
} from '../runtime/index.ts';
import type { HostFacts } from '../runtime/index.ts';
import type { ContainerRecord } from './container.ts';

const run = promisify(execFile);
const profilesFile = '/sys/kernel/security/apparmor/profiles';
const loadTimeoutMs = 30_000;

/** Throws `invalid-argument` for one that can never be applied here; whether it is loaded is a matter of the start. */
export function checkProfile(host: HostConfig, facts: Pick<HostFacts, 'hasAppArmor'>): void {
  chosen(host, facts);
}

function chosen(host: HostConfig, facts: Pick<HostFacts, 'hasAppArmor'>): string | null {
  const { appArmor } = parseSecurityOptions(host.SecurityOpt ?? []);
  return chooseAppArmor({ appArmor, isPrivileged: host.Privileged === true }, facts);
}

/** The profile for the next run, loaded; null where none is to be applied. */
export async function profileOf(
  { hostConfig }: Pick<ContainerRecord, 'hostConfig'>,
  host: Pick<HostFacts, 'hasAppArmor'>,
): Promise<string | null> {
  const profile = chosen(hostConfig, host);
  if (profile === null) return null;
  if (parseProfiles(await readFile(profilesFile, 'utf8')).has(profile)) return profile;
  if (profile === defaultProfile) await loadDefault();
  else throw unknown(profile);
  return profile;
}

/** The parser makes of its text what the kernel takes, without a cache in /etc. */
async function loadDefault(): Promise<void> {
  const loading = run('apparmor_parser', ['--replace', '--skip-cache'], {
    ...{ timeout: loadTimeoutMs, killSignal: 'SIGKILL', cwd: '/' },
  });
  // One that is not there, or ends before it has read all, says so by its own end.
  loading.child.stdin?.on('error', () => undefined);
  loading.child.stdin?.end(defaultProfileText());
  try {
    await loading;
  } catch (error) {
    const { stderr = '', message } = error as { readonly stderr?: string } & Error;
    throw new EngineError(
      'internal',
      `AppArmor is active, but the profile ${defaultProfile} cannot be loaded: ${stderr.trim() || message}`,
      {
        hint: 'install the program apparmor_parser, or write security_opt: apparmor=unconfined',
        cause: error,
      },
    );
  }
}

function unknown(profile: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `AppArmor profile ${JSON.stringify(profile)} is not loaded`,
    { hint: `load it with apparmor_parser --replace FILE`, details: { profile } },
  );
}
