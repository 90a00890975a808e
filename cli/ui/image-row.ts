/** An image as docker's lists show it: a row for each of its names. */
import type { ImageSummary } from '../../engine/api/index.ts';
import { formatAge } from './format.ts';
import { decimalSize, goTime } from './go-text.ts';
import type { FormatRow, RowFormat } from './rows.ts';

const headings: FormatRow = {
  Containers: 'CONTAINERS',
  CreatedAt: 'CREATED AT',
  CreatedSince: 'CREATED',
  Digest: 'DIGEST',
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  SharedSize: 'SHARED SIZE',
  Size: 'SIZE',
  Tag: 'TAG',
  UniqueSize: 'UNIQUE SIZE',
};

export function imageFormat({ digests }: { readonly digests: boolean }): RowFormat {
  const digest = digests ? '{{.Digest}}\t' : '';
  return {
    headings,
    defaultTable: `{{.Repository}}\t{{.Tag}}\t${digest}{{.ID}}\t{{if .CreatedSince}}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}`,
    raw: 'repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n',
  };
}

export interface ImageRowOptions {
  readonly isCut: boolean;
  readonly digests: boolean;
}

export function imageRows(image: ImageSummary, options: ImageRowOptions): FormatRow[] {
  return namesOf(image, options.digests).map((name) => imageRow(image, name, options));
}

interface ImageName {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const none = '<none>';

/** One that only a digest names, or nothing, is shown too. Engines answer null where there is no name. */
function namesOf({ RepoTags, RepoDigests }: ImageSummary, withDigests: boolean): ImageName[] {
  const tags = ((RepoTags as readonly string[] | null) ?? []).filter(
    (tag) => tag !== '<none>:<none>',
  );
  const digests = ((RepoDigests as readonly string[] | null) ?? []).map((text) => {
    const at = text.lastIndexOf('@');
    return { repository: text.slice(0, at), digest: text.slice(at + 1) };
  });
  const named = tags.flatMap((text): ImageName[] => {
    const at = text.lastIndexOf(':');
    const [repository, tag] = [text.slice(0, at), text.slice(at + 1)];
    const own = withDigests ? digests.filter((one) => one.repository === repository) : [];
    if (own.length === 0) return [{ repository, tag, digest: none }];
    return own.map(({ digest }) => ({ repository, tag, digest }));
  });
  if (named.length > 0) return named;
  const [first] = digests;
  if (first === undefined) return [{ repository: none, tag: none, digest: none }];
  const shown = withDigests ? digests : [{ ...first, digest: none }];
  return shown.map((one) => ({ ...one, tag: none }));
}

function imageRow(
  { Id, Created, Size, SharedSize, Containers }: ImageSummary,
  { repository, tag, digest }: ImageName,
  { isCut }: ImageRowOptions,
): FormatRow {
  const isShared = SharedSize >= 0 && Size >= 0;
  return {
    Containers: Containers < 0 ? 'N/A' : String(Containers),
    CreatedAt: goTime(Created),
    CreatedSince: `${formatAge(Math.max(0, Date.now() / 1000 - Created))} ago`,
    Digest: digest,
    ID: isCut ? Id.replace(/^sha256:/u, '').slice(0, 12) : Id,
    Repository: repository,
    SharedSize: SharedSize < 0 ? 'N/A' : decimalSize(SharedSize),
    Size: decimalSize(Size, 3),
    Tag: tag,
    UniqueSize: isShared ? decimalSize(Size - SharedSize) : 'N/A',
    VirtualSize: decimalSize(Size),
  };
}
