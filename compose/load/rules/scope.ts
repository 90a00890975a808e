import type { ComposeErrorCode } from '../../errors.ts';
import { type FindingOptions, type Findings, keySpan, valueSpan } from '../findings.ts';
import { shownText } from '../yaml-scalars.ts';
import {
  getAt,
  isList,
  isMap,
  type Path,
  type Span,
  type TreeMap,
  type TreeValue,
} from '../tree.ts';

export interface CheckOptions {
  readonly disabled?: TreeMap;
  /** What only an engine would refuse is a warning. */
  readonly doesWarn?: boolean;
  /** Named on the command line: what the others depend on does not matter then. */
  readonly services?: readonly string[] | undefined;
}

/** What a rule sees: the finished tree with the services that are enabled. */
export class CheckScope {
  readonly root: TreeMap;
  readonly #findings: Findings;
  readonly #disabled: TreeMap | null;
  readonly #doesWarn: boolean;
  readonly #wanted: ReadonlySet<string> | null;

  constructor(root: TreeMap, findings: Findings, options: CheckOptions = {}) {
    this.root = root;
    this.#findings = findings;
    this.#disabled = options.disabled ?? null;
    this.#doesWarn = options.doesWarn === true;
    const { services = [] } = options;
    this.#wanted = services.length === 0 ? null : this.#withNeeded(services);
  }

  /** Named on the command line or needed by what is; everything where nothing is named. */
  isWanted(service: string): boolean {
    return this.#wanted?.has(service) ?? true;
  }

  #withNeeded(services: readonly string[]): ReadonlySet<string> {
    const needed = new Set(services);
    for (const name of needed) {
      for (const other of this.keysOf('services', name, 'depends_on')) needed.add(other);
    }
    return needed;
  }

  /** The profiles of a service that exists and that no active profile selects; null for any other. */
  disabledProfiles(name: string): readonly string[] | null {
    const service = this.#disabled?.[name];
    const profiles = isMap(service) ? service['profiles'] : undefined;
    return isList(profiles) ? profiles.map(shownText) : null;
  }

  /** Services are kept by name; people read a file from its top. */
  inFileOrder(services: readonly string[]): string[] {
    const place = (name: string): readonly [string, number] => {
      const span = keySpan(this.root, ['services', name]);
      return [span?.source.shown ?? '', span?.start ?? 0];
    };
    return [...services].sort((left, right) => {
      const [leftFile, leftStart] = place(left);
      const [rightFile, rightStart] = place(right);
      if (leftFile !== rightFile) return leftFile < rightFile ? -1 : 1;
      return leftStart - rightStart;
    });
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

  /**
   * What the schema takes and no engine does. It stops what would run the project; who only looks at the file is
   * warned, as docker compose prints such a file without a word.
   */
  engineError(path: Path, mistake: Mistake, options: Partial<FindingOptions> = {}): void {
    if (this.#doesWarn) this.#findings.warn(mistake[1], valueSpan(this.root, path));
    else this.error(path, mistake, options);
  }

  /** Of what some other command could not do; the project runs all the same. */
  warn(path: Path, message: string): void {
    this.#findings.warn(message, valueSpan(this.root, path));
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
