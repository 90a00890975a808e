import type { ComposeErrorCode } from '../../errors.ts';
import { type FindingOptions, type Findings, keySpan, valueSpan } from '../findings.ts';
import { getAt, isMap, type Path, type Span, type TreeMap, type TreeValue } from '../tree.ts';

/** What a rule sees: the finished tree with the services that are enabled. */
export class CheckScope {
  readonly root: TreeMap;
  readonly #findings: Findings;

  constructor(root: TreeMap, findings: Findings) {
    this.root = root;
    this.#findings = findings;
  }

  get services(): readonly (readonly [name: string, service: TreeMap])[] {
    const { services } = this.root;
    if (!isMap(services)) return [];
    return Object.keys(services).flatMap((name) => {
      const service = services[name];
      return isMap(service) ? [[name, service] as const] : [];
    });
  }

  get(...path: (string | number)[]): TreeValue | undefined {
    return getAt(this.root, path);
  }

  keysOf(...path: (string | number)[]): readonly string[] {
    const value = getAt(this.root, path);
    return isMap(value) ? Object.keys(value) : [];
  }

  has(kind: string, name: string): boolean {
    const resources = this.root[kind];
    return isMap(resources) && Object.hasOwn(resources, name);
  }

  /** At the value that is wrong. */
  error(path: Path, [code, message]: Mistake, options: Partial<FindingOptions> = {}): void {
    this.#findings.error(code, message, { path, span: valueSpan(this.root, path), ...options });
  }

  /** At the key that is wrong. */
  keyError(path: Path, mistake: Mistake, options: Partial<FindingOptions> = {}): void {
    this.error(path, mistake, { span: keySpan(this.root, path), ...options });
  }

  spanAt(path: Path): Span | null {
    return valueSpan(this.root, path);
  }
}

type Mistake = readonly [code: ComposeErrorCode, message: string];
