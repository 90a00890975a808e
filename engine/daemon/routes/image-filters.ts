import { EngineError, familiarName, parseReference, type ImageSummary } from '../../api/index.ts';
import {
  flagFilter,
  matchesAny,
  matchesLabels,
  parseQueryTime,
  type Filters,
} from '../server/index.ts';

export const imageFilterKeys: ReadonlySet<string> = new Set([
  'before',
  'dangling',
  'label',
  'reference',
  'since',
  'until',
]);

/** Newest first. `since` and `before` name images; `findId` resolves them. */
export async function selectImages(
  images: readonly ImageSummary[],
  filters: Filters,
  findId: (ref: string) => Promise<string | null>,
): Promise<readonly ImageSummary[]> {
  const isDangling = flagFilter(filters, 'dangling');
  const createdOf = async (ref: string): Promise<number> => {
    const id = await findId(ref);
    const image = images.find((candidate) => candidate.Id === id);
    if (image === undefined) throw new EngineError('not-found', `No such image: ${ref}`);
    return image.Created;
  };
  const before = await Promise.all((filters.get('before') ?? []).map(createdOf));
  const since = await Promise.all((filters.get('since') ?? []).map(createdOf));
  const until = (filters.get('until') ?? []).map((text) =>
    Number(parseQueryTime(text, 'until') / 1_000_000_000n),
  );
  const latest = Math.min(...before, ...until, Infinity);
  const earliest = Math.max(...since, -Infinity);
  return images
    .filter(
      (image) =>
        image.Created < latest &&
        image.Created > earliest &&
        matchesLabels(filters, image.Labels) &&
        matchesAny(filters, 'reference', (pattern) => matchesReference(image, pattern)) &&
        (isDangling === null || isDangling === (image.RepoTags.length === 0)),
    )
    .toSorted((a, b) => b.Created - a.Created);
}

function matchesReference(image: ImageSummary, pattern: string): boolean {
  const matches = globPattern(pattern);
  return [...image.RepoTags, ...image.RepoDigests].some(
    (reference) => matches(reference) || matches(repositoryOf(reference)),
  );
}

function repositoryOf(reference: string): string {
  return familiarName(parseReference(reference));
}

/** `*` and `?` stay within a path segment, `[a-z]` is a class: Go's path.Match. */
export function globPattern(pattern: string): (text: string) => boolean {
  const source = pattern.replace(/\[[^\]/]*\]|[*?]|[.+^${}()|[\]\\]/g, (token) => {
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return token.length > 1 ? token.replaceAll('\\', '\\\\') : `\\${token}`;
  });
  let compiled: RegExp;
  try {
    compiled = new RegExp(`^${source}$`);
  } catch (cause) {
    const message = `invalid filter 'reference=${pattern}'`;
    throw new EngineError('invalid-argument', message, { cause });
  }
  return (text) => compiled.test(text);
}
