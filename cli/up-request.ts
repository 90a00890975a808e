/** What `up`, `create` and `scale` can be asked for, and which of it makes no sense together. */
import type { ReconcileOptions } from '../compose/index.ts';
import { CliError } from './cli-error.ts';
import type { OptionsOf } from './command.ts';

export const pullChoices = ['always', 'missing', 'never'] as const;

export interface CreateRequest {
  readonly services?: readonly string[];
  readonly build?: boolean;
  readonly noBuild?: boolean;
  readonly pull?: string;
  readonly quietPull?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly removeOrphans?: boolean;
  readonly scale?: readonly (readonly [string, number])[];
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export interface UpRequest extends CreateRequest {
  readonly detach?: boolean;
  readonly alwaysRecreateDeps?: boolean;
  readonly noStart?: boolean;
  readonly noDeps?: boolean;
  readonly renewAnonymousVolumes?: boolean;
  readonly timeout?: number;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
  readonly abortOnContainerExit?: boolean;
  readonly abortOnContainerFailure?: boolean;
  readonly exitCodeFrom?: string;
  readonly attach?: readonly string[];
  readonly noAttach?: readonly string[];
  readonly attachDependencies?: boolean;
  readonly timestamps?: boolean;
  readonly noColor?: boolean;
  readonly noLogPrefix?: boolean;
  readonly quietBuild?: boolean;
}

export const createOptions: OptionsOf<Omit<CreateRequest, 'services' | 'removeOrphans' | 'yes'>> = {
  build: { flags: '--build', description: 'build images before containers are created' },
  noBuild: { flags: '--no-build', description: 'do not build an image, even when it is missing' },
  pull: {
    flags: '--pull <policy>',
    description: `pull images before containers are created: ${pullChoices.join(', ')}`,
    parse: parsePull,
  },
  quietPull: { flags: '--quiet-pull', description: 'pull without showing progress' },
  forceRecreate: {
    flags: '--force-recreate',
    description: 'recreate containers even when nothing has changed',
  },
  noRecreate: {
    flags: '--no-recreate',
    description: 'keep containers even when their configuration has changed',
  },
  scale: {
    flags: '--scale <service=count>',
    description: 'how many containers of a service; repeat for several',
    repeats: true,
    parse: parseScaleOption,
  },
  dryRun: {
    flags: '--dry-run',
    description: 'show what would be done, and why, without doing it',
  },
};

function parsePull(text: string): string {
  if (pullChoices.some((choice) => choice === text)) return text;
  throw new CliError(`invalid --pull option "${text}"`, {
    hint: `allowed are ${pullChoices.join(', ')}`,
  });
}

function parseScaleOption(text: string): readonly [string, number] {
  return (
    readScale(text) ??
    refuse(`invalid --scale option "${text}". Should be SERVICE=NUM`, 'write it like `web=3`')
  );
}

/** `web=3`; null for anything else. */
export function readScale(text: string): readonly [string, number] | null {
  const match = /^([a-zA-Z0-9._-]+)=(\d{1,9})$/u.exec(text);
  return match?.[1] === undefined ? null : [match[1], Number(match[2])];
}

function refuse(message: string, hint?: string): never {
  throw new CliError(message, { hint });
}

type Rule = readonly [wrong: boolean, message: string];

/** Before anything is done. The words are docker compose's own. */
export function checkFlags(request: UpRequest): void {
  const { attach = [], attachDependencies, wait, detach, noRecreate } = request;
  const isAborting = request.abortOnContainerExit === true || request.exitCodeFrom !== undefined;
  const mayAbort = isAborting || request.abortOnContainerFailure === true;
  const isAttaching = attach.length > 0 || attachDependencies === true;
  const rules: readonly Rule[] = [
    [
      isSet(request.abortOnContainerExit, request.abortOnContainerFailure),
      '--abort-on-container-failure cannot be combined with --abort-on-container-exit',
    ],
    [
      wait === true && (mayAbort || isAttaching),
      '--wait cannot be combined with --abort-on-container-exit, --attach or --attach-dependencies',
    ],
    [
      detach === true && (mayAbort || isAttaching),
      '--detach cannot be combined with --abort-on-container-exit, --abort-on-container-failure, --attach, --attach-dependencies or --watch',
    ],
    [isSet(request.build, request.noBuild), '--build and --no-build are incompatible'],
    [
      isSet(noRecreate, request.renewAnonymousVolumes),
      '--no-recreate and --renew-anon-volumes are incompatible',
    ],
    [
      isSet(noRecreate, request.forceRecreate),
      '--force-recreate and --no-recreate are incompatible',
    ],
    [
      isSet(noRecreate, request.alwaysRecreateDeps),
      '--always-recreate-deps and --no-recreate are incompatible',
    ],
    [
      attach.length > 0 && attachDependencies === true,
      'cannot combine --attach and --attach-dependencies',
    ],
  ];
  const broken = rules.find(([isWrong]) => isWrong);
  if (broken !== undefined) throw new CliError(broken[1]);
}

function isSet(one: boolean | undefined, other: boolean | undefined): boolean {
  return one === true && other === true;
}

/** The part of a request that decides what is to be done. */
export function reconcileOptions(request: UpRequest): ReconcileOptions {
  const { services, scale, timeout, pull, noBuild } = request;
  return {
    ...(services !== undefined && services.length > 0 && { services }),
    ...(scale !== undefined && { scale: Object.fromEntries(scale) }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...(pull !== undefined && { pull: pull as 'always' | 'missing' | 'never' }),
    build: request.build === true && noBuild !== true,
    forceRecreate: request.forceRecreate === true,
    noRecreate: request.noRecreate === true,
    alwaysRecreateDeps: request.alwaysRecreateDeps === true,
    removeOrphans: request.removeOrphans === true,
    noStart: request.noStart === true,
    noDeps: request.noDeps === true,
    renewAnonymousVolumes: request.renewAnonymousVolumes === true,
  };
}
