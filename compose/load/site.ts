import type { ComposeErrorCode } from '../errors.ts';
import { placeOf } from '../schema/validate.ts';
import type { FindingOptions, Findings } from './findings.ts';
import { maxExpanded } from './limits.ts';
import type { Path, Span } from './tree.ts';

/** A value's place, for rules that find fault with it. */
export class Site {
  readonly path: Path;
  readonly span: Span | null;
  readonly #findings: Findings;

  constructor(path: Path, span: Span | null, findings: Findings) {
    this.path = path;
    this.span = span;
    this.#findings = findings;
  }

  /** `"ports.[0]" of service "web"`. */
  get place(): string {
    return placeOf(this.path);
  }

  error(code: ComposeErrorCode, message: string, options: Partial<FindingOptions> = {}): void {
    this.#findings.error(code, message, { path: this.path, span: this.span, ...options });
  }

  warn(message: string): void {
    this.#findings.warn(message, this.span);
  }

  /** Whether a text may become so many entries; otherwise that is a mistake here. */
  takesExpansion(count: number): boolean {
    if (this.#findings.takesExpansion(count)) return true;
    this.error('too-large', `the ranges of the project are more than ${maxExpanded} entries`);
    return false;
  }

  at(step: string | number, span: Span | null): Site {
    return new Site([...this.path, step], span ?? this.span, this.#findings);
  }
}
