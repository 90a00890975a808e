import { didYouMean } from '../schema/nearest.ts';
import { readFailure, sourceOf } from './context.ts';
import { posix } from 'node:path';
import type { FileScope } from './phases.ts';
import { merge } from './merge.ts';
import { mergeRules } from './merge-rules.ts';
import { canonical } from './canonical.ts';
import { interpolate } from './interpolate.ts';
import { parse } from './parse.ts';
import { resolvePath, resolvePaths } from './resolve-paths.ts';
import { applyTags, type TagSite } from './tags.ts';
import {
  copyTree,
  isMap,
  mapOf,
  newMap,
  setKey,
  spansAt,
  type Span,
  type TreeMap,
} from './tree.ts';

/** Replaces every service that extends another by that other with the service merged over it. */
export function applyExtends(root: TreeMap, scope: FileScope): void {
  const services = root['services'];
  if (!isMap(services)) return;
  const extender = new Extender(scope);
  for (const name of Object.keys(services)) {
    const extended = extender.extend(
      { services, file: scope.source.file, tags: scope.tags },
      name,
      [],
    );
    if (extended !== null) setKey(services, [name, extended], spansAt(services, name));
  }
}

interface ServiceFile {
  readonly services: TreeMap;
  readonly file: string;
  readonly tags: readonly TagSite[];
}

interface Step {
  readonly file: string;
  readonly service: string;
  readonly span: Span | null;
}

class Extender {
  readonly #scope: FileScope;
  readonly #files = new Map<string, ServiceFile | null>();

  constructor(scope: FileScope) {
    this.#scope = scope;
  }

  /** null: the service extends nothing, or wrongly so. */
  extend(from: ServiceFile, name: string, trail: readonly Step[]): TreeMap | null {
    const service = from.services[name];
    const wanted = isMap(service) ? service['extends'] : undefined;
    if (!isMap(service) || wanted === undefined || wanted === null) return null;
    const span = spansAt(service, 'extends').value;
    const { service: base, file } = target(wanted);
    if (base === null) return null;
    const steps = [...trail, { file: from.file, service: name, span }];
    const source = file === null ? from : this.#load(this.#resolve(file, from.file), span);
    if (source === null) return null;
    if (steps.some((step) => step.file === source.file && step.service === base)) {
      this.#reportCycle([...steps, { file: source.file, service: base, span }]);
      return null;
    }
    const found = source.services[base];
    if (found === undefined) {
      const where = file === null ? '' : ` in "${file}"`;
      this.#scope.context.findings.error(
        'extends',
        `service "${name}" extends undefined service "${base}"${where}`,
        {
          path: ['services', name, 'extends'],
          span,
          label: didYouMean(base, Object.keys(source.services)),
        },
      );
      return null;
    }
    const parent = this.extend(source, base, steps) ?? (isMap(found) ? found : newMap(span));
    return this.#merge(copyTree(parent), service, { name, tags: from.tags });
  }

  #resolve(file: string, from: string): string {
    const { context } = this.#scope;
    const isMain = from === this.#scope.source.file;
    const directory = isMain ? context.directory : posix.dirname(from);
    return posix.normalize(resolvePath(file, { directory, home: context.host.home }));
  }

  #merge(
    parent: TreeMap,
    service: TreeMap,
    { name, tags }: { readonly name: string; readonly tags: readonly TagSite[] },
  ): TreeMap {
    const over = wrap(name, service);
    const base = wrap(name, parent);
    applyTags(base, over, tags);
    const merged = merge(base, over, {
      findings: this.#scope.context.findings,
      rules: mergeRules(),
    });
    const { services } = merged;
    const result = isMap(services) ? services[name] : undefined;
    if (!isMap(result)) return service;
    Reflect.deleteProperty(result, 'extends');
    return result;
  }

  #load(file: string, span: Span | null): ServiceFile | null {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const loaded = file === this.#scope.source.file ? null : this.#read(file, span);
    this.#files.set(file, loaded);
    return loaded ?? this.#own(file);
  }

  /** A file may name itself. */
  #own(file: string): ServiceFile | null {
    const services = this.#scope.root['services'];
    if (file !== this.#scope.source.file || !isMap(services)) return null;
    return { services, file, tags: this.#scope.tags };
  }

  #read(file: string, span: Span | null): ServiceFile | null {
    const { context } = this.#scope;
    const { findings, host, request, environment } = context;
    const read = host.readFile(file);
    if (read.kind !== 'text') {
      findings.error('extends', `cannot extend from "${file}": ${readFailure(read)}`, { span });
      return null;
    }
    const [document] = parse(sourceOf(file, read.text, request.workingDirectory), findings);
    const services = document?.root['services'];
    if (document === undefined || !isMap(services)) {
      if (findings.errors.length === 0) {
        findings.error('extends', `cannot extend from "${file}": it has no services`, { span });
      }
      return null;
    }
    const root = document.root;
    const lookup = request.skip?.interpolation ? null : (key: string) => environment[key];
    interpolate(root, { findings, lookup });
    canonical(root, findings);
    const isSkipped = request.skip?.pathResolution === true;
    const relative = posix.dirname(file);
    if (!isSkipped && relative !== context.directory) {
      resolvePaths(withoutExtends(root), { directory: relative, home: host.home });
    }
    return { services, file, tags: document.tags };
  }

  #reportCycle(steps: readonly Step[]): void {
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

function target(wanted: unknown): {
  readonly service: string | null;
  readonly file: string | null;
} {
  if (typeof wanted === 'string') return { service: wanted, file: null };
  const { service, file } = wanted as Record<string, unknown>;
  return {
    service: typeof service === 'string' ? service : null,
    file: typeof file === 'string' && file !== '' ? file : null,
  };
}
