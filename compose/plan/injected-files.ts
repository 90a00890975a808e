/** Secrets and configs whose content goes into the container before its start, as they are no files of the host or not as they are to be. */
import type { ComposeError, ComposeErrorCode } from '../errors.ts';
import type { FileReference, FileResource } from '../model/secret.ts';
import { givenContent } from './given-files.ts';
import { errorAt } from '../positions.ts';
import type { ContainerTarget, InjectedFile } from './action.ts';
import { fileOwner, fileTarget, wrongOwner } from './create/file-modes.ts';
import type { PlanEdge } from './plan.ts';
import type { ReconcileState, ServiceScope } from './state.ts';

/** The node after which the container has its files: the one that creates it, where it needs none. */
export function planFiles(
  state: ReconcileState,
  scope: Pick<ServiceScope, 'name' | 'service'>,
  { target, created }: { readonly target: ContainerTarget; readonly created: number },
): number {
  const files = filesOf(state, scope);
  if (files.length === 0) return created;
  const cause = `created by #${created}`;
  return state.builder.add({ kind: 'writeFiles', ...target, files, cause }, [{ node: created }]);
}

/** The same for one that exists: what the engine had of them in memory may have gone with the machine's last boot. */
export function planFilesAgain(
  state: ReconcileState,
  scope: Pick<ServiceScope, 'name' | 'service'>,
  { target, after }: { readonly target: ContainerTarget; readonly after: readonly PlanEdge[] },
): readonly PlanEdge[] {
  if (state.observed.isOtherEngine === true) return after;
  // Without a source now, what the engine has is as good as ever.
  const errors: ComposeError[] = [];
  const files = filesOf({ ...state, errors }, scope);
  if (files.length === 0 || errors.length > 0) return after;
  const cause = 'kept in memory';
  return [{ node: state.builder.add({ kind: 'writeFiles', ...target, files, cause }, after) }];
}

function filesOf(
  state: ReconcileState,
  { name, service }: Pick<ServiceScope, 'name' | 'service'>,
): readonly InjectedFile[] {
  return (['secrets', 'configs'] as const).flatMap((kind) =>
    (service[kind] ?? []).flatMap((reference, index) => {
      const path = ['services', name, kind, index];
      const file = fileOf(state, { reference, kind, path, scope: { name, service } });
      return file === null ? [] : [file];
    }),
  );
}

interface Wanted {
  readonly reference: FileReference;
  readonly kind: 'secrets' | 'configs';
  readonly path: readonly (string | number)[];
  readonly scope: Pick<ServiceScope, 'name' | 'service'>;
}

/** null where there is nothing to write, or an error says why not. */
function fileOf(state: ReconcileState, wanted: Wanted): InjectedFile | null {
  const { reference, kind, path, scope } = wanted;
  const { project, errors } = state;
  const resource = project[kind][reference.source];
  if (resource === undefined) return null;
  const given = givenContent(project, scope.service, { reference, resource });
  if (resource.file !== undefined && given === null) return null;
  const what = `${kind.slice(0, -1)} "${resource.name}"`;
  const fail = (code: ComposeErrorCode, message: string): null => {
    errors.push(errorAt(project, [code, message], { path }));
    return null;
  };
  if (resource.external === true) {
    return fail('not-supported', `unsupported external ${kind.slice(0, -1)} ${resource.name}`);
  }
  const content = given ?? contentOf(resource, project.environment);
  if (content === null) {
    const variable = resource.environment ?? '';
    const message = `environment variable "${variable}" required by ${what} is not set`;
    return fail('required-variable', message);
  }
  if (scope.service.read_only === true && state.observed.isOtherEngine === true) {
    return fail(
      'conflicting-attributes',
      `cannot create ${what} in read-only service ${scope.name}: \`file\` is the sole supported option`,
    );
  }
  const owner = fileOwner(reference);
  if ('wrong' in owner) {
    errors.push(wrongOwner(project, owner.wrong, path));
    return null;
  }
  // What stands in the compose file is on a disk already; what comes from the environment is to stay out of all files.
  const isOnDisk = kind === 'configs' && resource.content !== undefined;
  return {
    ...{ path: fileTarget(kind, reference), content, ...owner },
    keeping: isOnDisk ? 'disk' : 'memory',
  };
}

function contentOf(
  { content, environment }: FileResource,
  variables: Readonly<Record<string, string | undefined>>,
): string | null {
  if (content !== undefined) return content;
  return environment === undefined ? null : (variables[environment] ?? null);
}
