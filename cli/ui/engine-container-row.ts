/** A container as docker's own lists show it: of an engine, not of a project. */
import type { ContainerSummary } from '../../engine/api/index.ts';
import { containerFormat, containerRow } from './container-row.ts';
import { decimalSize } from './go-text.ts';
import type { FormatRow, RowFormat } from './rows.ts';

export function engineContainerFormat({ size }: { readonly size: boolean }): RowFormat {
  const table =
    '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';
  return {
    headings: {
      ...containerFormat.headings,
      LocalVolumes: 'LOCAL VOLUMES',
      Mounts: 'MOUNTS',
      Names: 'NAMES',
      Networks: 'NETWORKS',
    },
    defaultTable: size ? `${table}\t{{.Size}}` : table,
    ...(containerFormat.raw !== undefined && { raw: containerFormat.raw }),
  };
}

/** What only a project has. */
const ofProjects: ReadonlySet<string> = new Set([
  'ExitCode',
  'Health',
  'Name',
  'Project',
  'Publishers',
  'Service',
]);

export function engineContainerRow(
  container: ContainerSummary,
  { isCut }: { readonly isCut: boolean },
): FormatRow {
  const row = containerRow(container, { project: '', isCut });
  const own = Object.entries(row).filter(([key]) => !ofProjects.has(key));
  return {
    ...Object.fromEntries(own),
    Names: container.Names.map((name) => name.replace(/^\//u, '')).join(','),
    Size: sizeOf(container),
  };
}

/** What it has written, and with its image below where that is known. */
function sizeOf({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = decimalSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${decimalSize(SizeRootFs, 3)})` : own;
}
