/**
 * The only module that loads ajv and the schema. cli/bundle.mjs replaces it by the code ajv generates from the same
 * schema, because compiling it costs more than loading a project does.
 */
import { Ajv } from 'ajv';
import { composeSchema } from './derive.ts';

/** What ajv says of one mistake. */
export interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  /** The schema the keyword stands in. */
  readonly parentSchema?: Readonly<Record<string, unknown>>;
  readonly data?: unknown;
}

export interface Validator {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

/** How ajv is set up, here and for generated code: all errors of a file, each with its schema. */
export const ajvOptions = {
  allErrors: true,
  verbose: true,
  inlineRefs: false,
  strict: true,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
  allowMatchingProperties: true,
} as const;

export function compileSchema(): Validator {
  return new Ajv(ajvOptions).compile(composeSchema) as Validator;
}
