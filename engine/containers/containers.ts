import { EngineError } from '../api/index.ts';
import { resolvePrefix } from '../lib/index.ts';
import type { Container } from './container.ts';

/** All containers by id and by name. A name is taken from the moment a creation claims it. */
export class Containers implements Iterable<Container> {
  readonly #byId = new Map<string, Container>();
  readonly #idByName = new Map<string, string>();
  /** Of SELinux, of containers that are being made and are not among these yet. */
  readonly claimedLevels: Set<string> = new Set<string>();

  [Symbol.iterator](): Iterator<Container> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Full id, exact name with or without its slash, unambiguous id prefix, in this order. */
  find(ref: string): Container {
    const found = this.#find(ref);
    if (found !== undefined) return found;
    throw new EngineError('not-found', `No such container: ${ref}`);
  }

  get(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  has(name: string): boolean {
    return this.#idByName.has(name);
  }

  /** Throws a conflict when another container has the name. */
  claimName(name: string, id: string): void {
    const holder = this.#idByName.get(name);
    if (holder !== undefined && holder !== id) {
      throw new EngineError(
        'conflict',
        `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#idByName.set(name, id);
  }

  releaseName(name: string, id: string): void {
    if (this.#idByName.get(name) === id) this.#idByName.delete(name);
  }

  add(container: Container): void {
    this.claimName(container.name, container.id);
    this.#byId.set(container.id, container);
  }

  delete(container: Container): void {
    this.#byId.delete(container.id);
    this.releaseName(container.name, container.id);
  }

  #find(ref: string): Container | undefined {
    const exact = this.#byId.get(ref);
    if (exact !== undefined) return exact;
    const named = this.#idByName.get(ref.startsWith('/') ? ref.slice(1) : ref);
    if (named !== undefined) return this.#byId.get(named);
    if (!/^[0-9a-f]+$/.test(ref)) return undefined;
    const match = resolvePrefix(this.#byId.keys(), ref);
    if (match.kind === 'ambiguous') {
      throw new EngineError('invalid-argument', `Multiple IDs found with provided prefix: ${ref}`);
    }
    return match.kind === 'found' ? this.#byId.get(match.id) : undefined;
  }
}
