/** What a creation request may not say, before anything is made. Every finding of one request is reported together. */
import { EngineError } from '../api/index.ts';
import type { ContainerCreateRequest, HostConfig, RestartPolicy } from '../api/index.ts';
import { healthcheckProblems } from './health-state.ts';
import { logProblems } from './log-options.ts';
import { namespaceProblems } from './validate-namespaces.ts';
import { optionProblems } from './validate-options.ts';
import { signalNumber } from './signals.ts';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const restartPolicies = ['', 'no', 'always', 'unless-stopped', 'on-failure'];

export function validateName(name: string): void {
  if (namePattern.test(name)) return;
  throw new EngineError(
    'invalid-argument',
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** Throws `invalid-argument`; returns warnings for what is accepted and has no effect yet. */
export function validateCreate(request: ContainerCreateRequest): readonly string[] {
  const host = request.HostConfig ?? {};
  const problems = invalid(request, host);
  if (problems.length > 0) throw new EngineError('invalid-argument', problems.join('; '));
  return withoutEffect(request);
}

type Check = readonly [isWrong: boolean, message: string];

/** Throws `invalid-argument` for a restart policy that is none. */
export function validatePolicy(policy: RestartPolicy): void {
  const problems = policyChecks(policy)
    .filter(([isWrong]) => isWrong)
    .map(([, message]) => message);
  if (problems.length > 0) throw new EngineError('invalid-argument', problems.join('; '));
}

function policyChecks({
  Name = '',
  MaximumRetryCount: count = 0,
  Delay: delay = 0,
  Window: window = 0,
}: RestartPolicy): readonly Check[] {
  return [
    [
      !restartPolicies.includes(Name),
      `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    ],
    [
      count !== 0 && Name !== 'on-failure',
      `invalid restart policy: maximum retry count can only be used with 'on-failure'`,
    ],
    [count < 0, 'invalid restart policy: maximum retry count cannot be negative'],
    [delay < 0, 'invalid restart policy: delay cannot be negative'],
    [window < 0, 'invalid restart policy: window cannot be negative'],
  ];
}

function invalid(request: ContainerCreateRequest, host: HostConfig): readonly string[] {
  const policy = host.RestartPolicy ?? {};
  const checks: readonly Check[] = [
    ...policyChecks(policy),
    [
      host.AutoRemove === true && !['', 'no', undefined].includes(policy.Name),
      `can't create 'AutoRemove' container with restart policy`,
    ],
    [
      !isHostname(request.Hostname ?? ''),
      `invalid hostname '${request.Hostname ?? ''}': 1 to 64 letters, digits, dots and hyphens`,
    ],
    [(host.ShmSize ?? 0) < 0, 'SHM size can not be less than 0'],
    [request.WorkingDir !== undefined && !isPath(request.WorkingDir), workingDirectory(request)],
    ...[...(request.Cmd ?? []), ...(request.Entrypoint ?? []), ...(request.Env ?? [])].map(
      (text): Check => [text.includes('\0'), 'a NUL byte in a command or the environment'],
    ),
  ];
  if (request.StopSignal !== undefined && request.StopSignal !== '')
    signalNumber(request.StopSignal);
  return [
    ...checks.filter(([isWrong]) => isWrong).map(([, message]) => message),
    ...namespaceProblems(request),
    ...optionProblems(request),
    ...logProblems(host),
    ...healthcheckProblems(request.Healthcheck),
  ];
}

/** sethostname(2) takes 64 bytes; what else than these is in one breaks /etc/hosts. Empty is the short id. */
function isHostname(name: string): boolean {
  return name === '' || /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}$/.test(name);
}

function isPath(path: string): boolean {
  return path === '' || path.startsWith('/');
}

function workingDirectory(request: ContainerCreateRequest): string {
  return `the working directory '${request.WorkingDir ?? ''}' is invalid, it needs to be an absolute path`;
}

/** Accepted by Docker, harmless to leave out, and not carried out here. */
function withoutEffect(request: ContainerCreateRequest): readonly string[] {
  return ofEndpoints(request).map((name) => `${name} has no effect on this engine yet`);
}

function ofEndpoints(request: ContainerCreateRequest): readonly string[] {
  const endpoints = Object.values(request.NetworkingConfig?.EndpointsConfig ?? {});
  return asked([
    ['Links', endpoints.some(({ Links }) => isFilled(Links))],
    ['LinkLocalIPs', endpoints.some(({ IPAMConfig }) => isFilled(IPAMConfig?.LinkLocalIPs))],
    ['DriverOpts', endpoints.some(({ DriverOpts }) => isFilled(DriverOpts))],
  ]);
}

function asked(options: readonly (readonly [name: string, isAsked: boolean])[]): readonly string[] {
  return options.filter(([, isAsked]) => isAsked).map(([name]) => name);
}

/** Not what an unset option looks like in any client: empty, zero, false or missing. */
function isFilled(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
