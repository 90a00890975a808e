import { findBuilt } from './binding.ts';

/** The static program that starts and outlives one container. */
export function shimPath(): string {
  return findBuilt('tscompose-shim');
}

/** The static program that answers DNS for the sandboxes. */
export function resolverPath(): string {
  return findBuilt('tscompose-resolver');
}
