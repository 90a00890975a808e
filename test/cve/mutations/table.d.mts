export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly id: string;
  readonly guard: string;
  /** A test file, or `native` for the tests in C. */
  readonly tests: string;
  /** What of it is run: a part of the names, or a target of make. */
  readonly filter?: string;
  /** What a failure says when the attack has succeeded. */
  readonly fails: RegExp;
  readonly edits: readonly Edit[];
}

export const mutations: readonly Mutation[];
export function applyEdits(source: string, edits: readonly Edit[]): string;
