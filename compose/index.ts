/**
 * Compose, pure: a file becomes a project, a project becomes a plan, a plan becomes engine calls. Belongs here:
 * everything that decides what a compose file means. Does not belong here: files, processes, terminals, sockets
 * — they come in through Host and EnginePort. Importing this module does nothing.
 */
export * from './errors.ts';
export * from './error-json.ts';
export { errorAt } from './positions.ts';
export type { Caller, FileRead, Host, RemoteRead } from './host.ts';
export { labels } from './labels.ts';
export type * from './model/project.ts';
export type * from './model/service.ts';
export type * from './model/build.ts';
export type * from './model/deploy.ts';
export type * from './model/develop.ts';
export type * from './model/healthcheck.ts';
export type * from './model/mount.ts';
export type * from './model/network.ts';
export type * from './model/port.ts';
export type * from './model/secret.ts';
export type * from './model/volume.ts';
export type * from './load/request.ts';
export type * from './plan/action.ts';
export {
  Plan,
  type Condition,
  type KeptContainer,
  type PlanEdge,
  type PlanNode,
} from './plan/plan.ts';
export type * from './plan/observed.ts';
export type { Filters, ObservePort } from './plan/observe.ts';
export type { CallOptions, EnginePort, EventStream } from './execute/engine.ts';
export type * from './execute/progress.ts';
export type { HookLine, OnHookOutput } from './execute/run.ts';
export {
  type GitReference,
  type OciReference,
  parseRemote,
  type RemoteReference,
  shownReference,
} from './load/remote.ts';
export { loadModel, loadProject, loadProjectName } from './load/pipeline.ts';
export { parseDotenv } from './load/dotenv.ts';
export { shellWords } from './load/shell-words.ts';
export { dependencyOrder } from './dependencies.ts';
export { renderConfig, renderModel, renderVariables, type ConfigFormat } from './render.ts';
export { subsetOf, type SubsetOptions } from './subset.ts';
export { type ModelVariable, variablesOf } from './variables.ts';
export { selectServices } from './plan/selection.ts';
export { type HashedProject, serviceHash } from './plan/config-hash.ts';
export { observe } from './plan/observe.ts';
export { reconcile } from './plan/reconcile.ts';
export { replicasAsked } from './plan/containers.ts';
export {
  oneOffName,
  planOneOff,
  type OneOffOptions,
  type OneOffOverrides,
} from './plan/one-off.ts';
export { divergedVolumes } from './plan/resources.ts';
export type { ReconcileOptions } from './plan/options.ts';
export {
  type KillOptions,
  planKill,
  planPause,
  planRemove,
  planRestart,
  planStart,
  planUnpause,
  type RemoveOptions,
  type RestartOptions,
} from './plan/lifecycle.ts';
export { type ExistingScope, replicasOf } from './plan/existing.ts';
export { planDown, planStop, type DownOptions, type StopOptions } from './plan/teardown.ts';
export {
  executePlan,
  type ExecutedContainer,
  type ExecuteOptions,
  type ExecuteResult,
} from './execute/executor.ts';
