import { type ComposeError, type ComposeErrorCode, type Position, type Warning } from './errors.ts';

/** An error for machines. The shape is stable: compose/docs/errors/README.md describes it. */
export interface ErrorJson {
  readonly code: ComposeErrorCode;
  readonly message: string;
  readonly file: string | null;
  /** From 1; columns are UTF-16 units. */
  readonly line: number | null;
  readonly column: number | null;
  /** Right behind the last character that is wrong. */
  readonly endLine: number | null;
  readonly endColumn: number | null;
  /** `services.web.ports.0` */
  readonly path: string | null;
  readonly label: string | null;
  readonly hint: string | null;
  readonly related: readonly PlaceJson[];
  /** The page about the code, below the root of the project. */
  readonly docs: string;
}

export interface PlaceJson {
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

export function errorJson(error: ComposeError): ErrorJson {
  const { code, message, position, end, path, label, hint, related } = error;
  return {
    code,
    message,
    ...placeOf(position),
    endLine: end?.line ?? null,
    endColumn: end?.column ?? null,
    path: path ?? null,
    label: label ?? null,
    hint: hint ?? null,
    related: related.map((place) => ({ message: place.message, ...placeOf(place.position) })),
    docs: `compose/docs/errors/${code}.md`,
  };
}

export function warningJson({ message, position }: Warning): PlaceJson {
  return { message, ...placeOf(position) };
}

function placeOf(position: Position | undefined): Omit<PlaceJson, 'message'> {
  return {
    file: position?.file ?? null,
    line: position?.line ?? null,
    column: position?.column ?? null,
  };
}
