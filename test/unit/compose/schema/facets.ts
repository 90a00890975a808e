/** What a schema says of every path of keys, in a form in which two schemas can be compared. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly uniqueItems?: boolean;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** `services.*.ports.[].target` → what holds there: "type integer", "type string", … */
export type Facets = Map<string, Set<string>>;

export function facetsOf(root: Schema): Facets {
  const facets: Facets = new Map();
  const visit = (schema: Schema, path: string): void => {
    const at = facets.get(path) ?? new Set<string>();
    facets.set(path, at);
    if (schema.$ref !== undefined) visit(definitionOf(root, schema.$ref), path);
    for (const branch of schema.oneOf ?? []) visit(branch, path);
    for (const facet of ownFacets(schema)) at.add(facet);
    for (const [step, part] of partsOf(schema)) visit(part, path === '' ? step : `${path}.${step}`);
  };
  visit(root, '');
  return facets;
}

function definitionOf(root: Schema, reference: string): Schema {
  const definition = root.definitions?.[reference.replace('#/definitions/', '')];
  if (definition === undefined) throw new Error(`${reference} leads nowhere`);
  return definition;
}

function ownFacets(schema: Schema): string[] {
  const { properties, patternProperties } = schema;
  return [
    ...[schema.type ?? []].flat().map((type) => `type ${type}`),
    ...(schema.enum ?? []).map((value) => `value ${value}`),
    ...(schema.pattern === undefined ? [] : [`pattern ${schema.pattern}`]),
    ...(schema.minimum === undefined ? [] : [`minimum ${schema.minimum}`]),
    ...(schema.maximum === undefined ? [] : [`maximum ${schema.maximum}`]),
    ...(schema.uniqueItems === true ? ['unique items'] : []),
    ...(schema.required ?? []).map((key) => `needs ${key}`),
    ...Object.keys(patternProperties ?? {}).map(
      (keys) => `keys ${keys.replace(/^\^\.\+\$$/, '.+')}`,
    ),
    ...(properties === undefined && patternProperties === undefined
      ? []
      : [schema.additionalProperties === false ? 'closed' : 'open']),
  ];
}

function partsOf(schema: Schema): [string, Schema][] {
  const named = Object.entries(schema.properties ?? {});
  const free = Object.entries(schema.patternProperties ?? {}).filter(([keys]) => keys !== '^x-');
  return [
    ...named,
    ...free.map(([, part]): [string, Schema] => ['*', part]),
    ...(schema.items === undefined ? [] : [['[]', schema.items] as [string, Schema]]),
  ];
}

/** What holds in one of two schemas only: "services.*.build: unique items (theirs)". */
export function differencesOf(ours: Facets, theirs: Facets): string[] {
  const differences: string[] = [];
  for (const path of new Set([...theirs.keys(), ...ours.keys()])) {
    const [mine, other] = [ours.get(path), theirs.get(path)];
    if (mine === undefined) differences.push(`${path} (theirs)`);
    else if (other === undefined) differences.push(`${path} (ours)`);
    else {
      const only = (facets: Set<string>, rest: Set<string>, whose: string): string[] =>
        [...facets]
          .filter((facet) => !rest.has(facet))
          .map((facet) => `${path}: ${facet} (${whose})`);
      differences.push(...only(other, mine, 'theirs'), ...only(mine, other, 'ours'));
    }
  }
  return differences;
}
