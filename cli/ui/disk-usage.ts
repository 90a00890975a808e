/** What `system df` shows, with docker's arithmetic. */
import type {
  BuildCacheEntry,
  ContainerSummary,
  DiskUsage,
  ImageSummary,
  MeasuredVolume,
} from '../../engine/api/index.ts';
import { engineContainerFormat, engineContainerRow } from './engine-container-row.ts';
import { formatAge } from './format.ts';
import { decimalSize } from './go-text.ts';
import { imageFormat, imageRows } from './image-row.ts';
import { renderRows, type FormatRow, type RowFormat } from './rows.ts';
import { compileTemplate } from './template/evaluate.ts';
import { toJson } from './template/values.ts';
import { measuredVolumeRow, volumeFormat } from './volume-row.ts';

const summaryFormat: RowFormat = {
  headings: {
    Active: 'ACTIVE',
    Reclaimable: 'RECLAIMABLE',
    Size: 'SIZE',
    TotalCount: 'TOTAL',
    Type: 'TYPE',
  },
  defaultTable: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
};

/** A line for each kind of thing. */
export function renderUsage(usage: DiskUsage, format: string | undefined): string {
  return renderRows(summaryRows(usage), format, summaryFormat);
}

export function summaryRows(usage: DiskUsage): FormatRow[] {
  return [
    imagesRow(usage.Images ?? [], usage.LayersSize),
    containersRow(usage.Containers ?? []),
    volumesRow(usage.Volumes ?? []),
    cacheRow(usage.BuildCache ?? []),
  ];
}

interface Counted {
  readonly type: string;
  readonly count: number;
  readonly active: number;
  readonly bytes: number;
  readonly reclaimable: number;
  /** Whether docker tells the share as well. */
  readonly hasShare: boolean;
}

function rowOf({ type, count, active, bytes, reclaimable, hasShare }: Counted): FormatRow {
  const share =
    hasShare && bytes > 0 ? ` (${String(Math.trunc((reclaimable * 100) / bytes))}%)` : '';
  return {
    Active: String(active),
    Reclaimable: `${decimalSize(reclaimable)}${share}`,
    Size: decimalSize(bytes),
    TotalCount: String(count),
    Type: type,
  };
}

/** Layers that several images have count once in the whole, and are nobody's own. */
function imagesRow(images: readonly ImageSummary[], bytes: number): FormatRow {
  const used = images.filter(({ Containers }) => Containers > 0);
  const own = sum(
    images
      .filter(
        ({ Containers, Size, SharedSize }) => Containers !== 0 && Size >= 0 && SharedSize >= 0,
      )
      .map(({ Size, SharedSize }) => Size - SharedSize),
  );
  const counts = { count: images.length, active: used.length };
  return rowOf({ type: 'Images', ...counts, bytes, reclaimable: bytes - own, hasShare: true });
}

const active: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

function containersRow(containers: readonly ContainerSummary[]): FormatRow {
  const idle = containers.filter(({ State }) => !active.has(State));
  const sizes = (list: readonly ContainerSummary[]): number =>
    sum(list.map(({ SizeRw = 0 }) => SizeRw));
  return rowOf({
    type: 'Containers',
    count: containers.length,
    active: containers.length - idle.length,
    bytes: sizes(containers),
    reclaimable: sizes(idle),
    hasShare: true,
  });
}

function volumesRow(volumes: readonly MeasuredVolume[]): FormatRow {
  const unused = volumes.filter(({ UsageData }) => UsageData.RefCount <= 0);
  const sizes = (list: readonly MeasuredVolume[]): number =>
    sum(list.map(({ UsageData }) => Math.max(0, UsageData.Size)));
  return rowOf({
    type: 'Local Volumes',
    count: volumes.length,
    active: volumes.length - unused.length,
    bytes: sizes(volumes),
    reclaimable: sizes(unused),
    hasShare: true,
  });
}

/** What several things share is no more than once on the disk. */
function cacheRow(cache: readonly BuildCacheEntry[]): FormatRow {
  const own = cache.filter(({ Shared }) => !Shared);
  const inUse = cache.filter(({ InUse }) => InUse);
  const bytes = sum(own.map(({ Size }) => Size));
  const used = sum(inUse.filter(({ Shared }) => !Shared).map(({ Size }) => Size));
  const counts = { count: cache.length, active: inUse.length };
  const type = 'Build Cache';
  return rowOf({ type, ...counts, bytes, reclaimable: bytes - used, hasShare: false });
}

/** Every thing by itself. */
export function renderUsageInFull(usage: DiskUsage, format = ''): string {
  if (format !== '' && !format.startsWith('table')) {
    const rows = fullRows(usage, { isCut: false });
    if (format === 'json') return `${toJson(rows, { escapesHtml: true })}\n`;
    return `${compileTemplate(format).run(rows)}\n`;
  }
  const { Images, Containers, Volumes, BuildCache } = fullRows(usage, { isCut: true });
  const cacheSize = String(cacheRow(usage.BuildCache ?? [])['Size']);
  return [
    `Images space usage:\n\n${renderRows(Images, '', imagesFormat)}`,
    `Containers space usage:\n\n${renderRows(Containers, '', containersFormat)}`,
    `Local Volumes space usage:\n\n${renderRows(Volumes, '', volumesFormat)}`,
    `Build cache usage: ${cacheSize}\n\n${renderRows(BuildCache, '', cacheFormat)}`,
  ].join('\n');
}

interface FullRows {
  readonly Images: readonly FormatRow[];
  readonly Containers: readonly FormatRow[];
  readonly Volumes: readonly FormatRow[];
  readonly BuildCache: readonly FormatRow[];
}

function fullRows(usage: DiskUsage, { isCut }: { readonly isCut: boolean }): FullRows {
  return {
    Images: (usage.Images ?? []).flatMap((image) => imageRows(image, { isCut, digests: false })),
    Containers: (usage.Containers ?? []).map(({ SizeRootFs: _whole, ...container }) =>
      engineContainerRow(container, { isCut }),
    ),
    Volumes: (usage.Volumes ?? []).map(measuredVolumeRow),
    BuildCache: (usage.BuildCache ?? []).map((entry) => cacheEntryRow(entry, isCut)),
  };
}

function cacheEntryRow(entry: BuildCacheEntry, isCut: boolean): FormatRow {
  const { ID, Type, Description, InUse, Shared, Size, CreatedAt, LastUsedAt, UsageCount } = entry;
  return {
    CacheType: Type,
    CreatedSince: sinceText(CreatedAt),
    Description,
    ID: isCut ? ID.slice(0, 12) : ID,
    InUse: String(InUse),
    LastUsedSince: LastUsedAt === null ? '' : sinceText(LastUsedAt),
    Shared: String(Shared),
    Size: decimalSize(Size, 3),
    UsageCount: String(UsageCount),
  };
}

function sinceText(moment: string): string {
  return `${formatAge(Math.max(0, (Date.now() - Date.parse(moment)) / 1000))} ago`;
}

const imagesFormat: RowFormat = {
  ...imageFormat({ digests: false }),
  defaultTable:
    '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}',
};
const containersFormat: RowFormat = {
  ...engineContainerFormat({ size: false }),
  defaultTable:
    '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}',
};
const volumesFormat: RowFormat = {
  ...volumeFormat,
  defaultTable: '{{.Name}}\t{{.Links}}\t{{.Size}}',
};
const cacheFormat: RowFormat = {
  headings: {
    CacheType: 'CACHE TYPE',
    CreatedSince: 'CREATED',
    ID: 'CACHE ID',
    LastUsedSince: 'LAST USED',
    Shared: 'SHARED',
    Size: 'SIZE',
    UsageCount: 'USAGE',
  },
  defaultTable:
    '{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}',
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
