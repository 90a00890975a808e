import { isList, isMap, type Path, type TreeMap, type TreeValue } from './tree.ts';

/** Where a `!reset` or `!override` stands: the value is `holder[key]`. */
export interface TagSite {
  readonly tag: '!reset' | '!override';
  readonly holder: TreeMap | TreeValue[];
  readonly key: string | number;
  /** It came in with `<<`: it takes its value away here, and nothing from the files before. */
  readonly isMerged?: boolean;
}

/**
 * Takes what is reset out of a document (compose-spec 13-merge.md#reset-value). The result is what goes from everything
 * that the document is merged onto: files before it, what it includes, what it extends.
 */
export function takeTags(root: TreeMap, tags: readonly TagSite[]): Path[] {
  if (tags.length === 0) return [];
  const paths = pathsOf(root);
  const taken: Path[] = [];
  const resetItems: TagSite[] = [];
  for (const site of tags) {
    const path = paths.get(site.holder);
    const reaches = site.tag === '!override' || site.isMerged !== true;
    if (path !== undefined && typeof site.key === 'string' && reaches)
      taken.push([...path, site.key]);
    if (site.tag !== '!reset') continue;
    if (isList(site.holder)) resetItems.push(site);
    else if (isMap(site.holder)) Reflect.deleteProperty(site.holder, site.key);
  }
  // From the end, so that earlier indexes stay true.
  for (const { holder, key } of resetItems.reverse()) {
    if (isList(holder)) holder.splice(Number(key), 1);
  }
  return taken;
}

/** Before a document is merged onto `base`. */
export function applyTags(base: TreeMap, taken: readonly Path[]): void {
  for (const path of taken) removeAt(base, path);
}

function pathsOf(root: TreeMap): Map<TreeMap | TreeValue[], Path> {
  const paths = new Map<TreeMap | TreeValue[], Path>();
  const visit = (value: TreeValue, path: Path): void => {
    if (isMap(value)) {
      paths.set(value, path);
      for (const key of Object.keys(value)) visit(value[key] ?? null, [...path, key]);
    } else if (isList(value)) {
      paths.set(value, path);
      value.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    }
  };
  visit(root, []);
  return paths;
}

function removeAt(root: TreeMap, path: Path): void {
  let holder: TreeValue | undefined = root;
  for (const step of path.slice(0, -1)) {
    if (isMap(holder)) holder = holder[String(step)];
    else if (isList(holder)) holder = holder[Number(step)];
    else return;
  }
  if (isMap(holder)) Reflect.deleteProperty(holder, String(path.at(-1)));
}
