import { didYouMean } from '../schema/nearest.ts';
import { readFailure, similarFile, sourceOf } from './context.ts';
import { posix } from 'node:path';
import type { FileScope } from './phases.ts';
import { merge } from './merge.ts';
import { mergeRules } from './merge-rules.ts';
import { canonical } from './canonical.ts';
import { interpolate } from './interpolate.ts';
import { parse } from './parse.ts';
import { maxExtends } from './limits.ts';
import { locate } from './remote.ts';
import { resolvePath, resolvePaths } from './resolve-paths.ts';
import { applyTags, takeTags } from './tags.ts';
import {
  copyTree,
  isMap,
  mapOf,
  newMap,
  type Path,
  setKey,
  type Source,
  spansAt,
  type Span,
  type TreeMap,
} from './tree.ts';
import { typedForms } from './typed-model.ts';

/** Replaces every service that extends another by that other with the service merged over it. */
export function applyExtends(root: TreeMap, scope: FileScope): void {
  const services = root['services'];
  if (!isMap(services)) return;
  const extender = new Extender(scope);
  const file = { services, file: scope.source.file, taken: scope.taken };
  for (const name of Object.keys(services)) {
    const extended = extender.extend(file, name, []);
    if (extended !== null) setKey(services, [name, extended], spansAt(services, name));
  }
}

interface ServiceFile {
  readonly services: TreeMap;
  readonly file: string;
  readonly taken: readonly Path[];
}

interface Step {
  readonly file: string;
  readonly service: string;
  readonly span: Span | null;
}

class Extender {
  readonly #scope: FileScope;
  readonly #files = new Map<string, ServiceFile | null>();
  /** Services that are known to extend each other, as "file service". */
  readonly #circular = new Set<string>();
  /** Services that extend others, put together, by the same. */
  readonly #known = new Map<string, TreeMap>();

  constructor(scope: FileScope) {
    this.#scope = scope;
  }

  /** null: the service extends nothing, or wrongly so. */
  extend(from: ServiceFile, name: string, trail: readonly Step[]): TreeMap | null {
    const service = from.services[name];
    if (!isMap(service)) return null;
    const wanted = targetOf(service);
    if (wanted === null || this.#circular.has(`${from.file} ${name}`)) return null;
    const { service: base, serviceSpan } = wanted;
    const steps = [...trail, { file: from.file, service: name, span: serviceSpan }];
    const source = wanted.file === null ? from : this.#load(wanted.file, wanted.fileSpan, from);
    if (source === null) return null;
    if (steps.some((step) => step.file === source.file && step.service === base)) {
      this.#reportCycle([...steps, { file: source.file, service: base, span: serviceSpan }]);
      return null;
    }
    if (steps.length > maxExtends) {
      this.#reportDepth(steps);
      return null;
    }
    const found = source.services[base];
    if (found === undefined) {
      this.#reportUndefined(name, wanted, source);
      return null;
    }
    const extended = this.#extended(source, base, steps);
    if (extended === null && this.#circular.has(`${source.file} ${base}`)) return null;
    const parent = extended ?? found;
    // Of a service without content nothing is inherited, and docker compose goes on to show what was meant.
    if (!isMap(parent)) return null;
    return this.#merge(copyTree(parent), service, { name, taken: from.taken });
  }

  /** What another service extends as well is put together once. */
  #extended(source: ServiceFile, name: string, steps: readonly Step[]): TreeMap | null {
    const key = `${source.file} ${name}`;
    const known = this.#known.get(key) ?? this.extend(source, name, steps);
    if (known !== null) this.#known.set(key, known);
    return known;
  }

  #reportDepth(steps: readonly Step[]): void {
    for (const { file, service } of steps) this.#circular.add(`${file} ${service}`);
    this.#scope.context.findings.error(
      'too-deep',
      `more than ${maxExtends} services extend one another in a row`,
      { span: steps[0]?.span },
    );
  }

  #reportUndefined(name: string, wanted: Target, source: ServiceFile): void {
    const where = wanted.file === null ? '' : ` in "${wanted.file}"`;
    this.#scope.context.findings.error(
      'extends',
      `service "${name}" extends undefined service "${wanted.service}"${where}`,
      {
        path: ['services', name, 'extends'],
        span: wanted.serviceSpan,
        label: didYouMean(wanted.service, Object.keys(source.services)),
      },
    );
  }

  #merge(
    parent: TreeMap,
    service: TreeMap,
    { name, taken }: { readonly name: string; readonly taken: readonly Path[] },
  ): TreeMap {
    const over = wrap(name, service);
    const base = wrap(name, parent);
    applyTags(base, taken);
    // Reset as a whole or overridden, it is there again as nothing.
    if (!isMap(base['services']) || base['services'][name] === undefined) return service;
    const merged = merge(base, over, {
      findings: this.#scope.context.findings,
      rules: mergeRules(this.#scope.context.request),
    });
    const { services } = merged;
    const result = isMap(services) ? services[name] : undefined;
    if (!isMap(result)) return service;
    Reflect.deleteProperty(result, 'extends');
    return result;
  }

  #load(text: string, span: Span | null, from: ServiceFile): ServiceFile | null {
    const { context } = this.#scope;
    const located = locate(text, context.host);
    if (located.kind === 'failed') {
      const { message, hint } = located;
      context.findings.error('extends', message, { span, hint });
      return null;
    }
    const file = located.kind === 'file' ? located.file : this.#resolve(text, from.file);
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const loaded = file === this.#scope.source.file ? this.#own(file) : this.#read(file, span);
    this.#files.set(file, loaded);
    return loaded;
  }

  #resolve(file: string, from: string): string {
    const { context } = this.#scope;
    const isMain = from === this.#scope.source.file;
    const directory = isMain ? context.directory : posix.dirname(from);
    return posix.normalize(resolvePath(file, { directory, home: context.host.home }));
  }

  /** A file may name itself. */
  #own(file: string): ServiceFile | null {
    const services = this.#scope.root['services'];
    return isMap(services) ? { services, file, taken: this.#scope.taken } : null;
  }

  #read(file: string, span: Span | null): ServiceFile | null {
    const { findings, host, request } = this.#scope.context;
    const read = host.readFile(file);
    if (read.kind !== 'text') {
      findings.error('extends', `cannot extend from "${file}": ${readFailure(read)}`, {
        span,
        ...similarFile(file, read, host),
      });
      return null;
    }
    const before = findings.errors.length;
    const { root, taken } = this.#tree(sourceOf(file, read.text, request.workingDirectory));
    const { services } = root;
    if (isMap(services)) return { services, file, taken };
    if (findings.errors.length === before) {
      findings.error('extends', `cannot extend from "${file}": it has no services`, { span });
    }
    return null;
  }

  /** All documents of a file, with absolute paths: what it includes or extends itself stays where it is. */
  #tree(source: Source): { readonly root: TreeMap; readonly taken: readonly Path[] } {
    const { findings, host, request, environment, places, directory } = this.#scope.context;
    const lookup = request.skip?.interpolation ? null : (key: string) => environment[key];
    let root = newMap();
    const all: Path[] = [];
    for (const document of parse(source, findings)) {
      const taken = takeTags(document.root, document.tags);
      interpolate(document.root, { findings, lookup, variables: { values: environment, places } });
      applyTags(root, taken);
      const rules = mergeRules(request);
      const isFirst = Object.keys(root).length === 0;
      root = isFirst ? document.root : merge(root, document.root, { findings, rules });
      all.push(...taken);
    }
    if (request.skip?.interpolation === true) typedForms(root);
    else canonical(root, findings);
    const own = posix.dirname(source.file);
    if (request.skip?.pathResolution !== true && own !== directory) {
      resolvePaths(withoutExtends(root), { directory: own, home: host.home });
    }
    return { root, taken: all };
  }

  #reportCycle(steps: readonly Step[]): void {
    for (const { file, service } of steps) this.#circular.add(`${file} ${service}`);
    const [first] = steps;
    this.#scope.context.findings.error(
      'extends',
      `services extend each other in a circle: ${steps.map(({ service }) => service).join(' → ')}`,
      {
        span: first?.span,
        related: steps
          .slice(1, -1)
          .map(({ service, span }) => ({ message: `"${service}" extends at`, span })),
      },
    );
  }
}

/** extends.file stays relative: it is resolved when it is followed. */
function withoutExtends(root: TreeMap): TreeMap {
  const { services } = root;
  const kept = newMap();
  for (const name of isMap(services) ? Object.keys(services) : []) {
    const service = isMap(services) ? services[name] : undefined;
    if (!isMap(service)) continue;
    const view = newMap();
    for (const key of Object.keys(service)) if (key !== 'extends') view[key] = service[key] ?? null;
    kept[name] = view;
  }
  return mapOf({ services: kept }, null);
}

function wrap(name: string, service: TreeMap): TreeMap {
  return mapOf({ services: mapOf({ [name]: service }, null) }, null);
}

interface Target {
  readonly service: string;
  readonly serviceSpan: Span | null;
  readonly file: string | null;
  readonly fileSpan: Span | null;
}

/** null: it extends nothing, or what the schema will refuse. */
function targetOf(service: TreeMap): Target | null {
  const wanted = service['extends'];
  const span = spansAt(service, 'extends').value;
  if (typeof wanted === 'string') {
    return { service: wanted, serviceSpan: span, file: null, fileSpan: null };
  }
  if (!isMap(wanted)) return null;
  const { service: name, file } = wanted;
  if (typeof name !== 'string') return null;
  return {
    service: name,
    serviceSpan: spansAt(wanted, 'service').value ?? span,
    file: typeof file === 'string' ? file : null,
    fileSpan: spansAt(wanted, 'file').value ?? span,
  };
}
