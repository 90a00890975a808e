/** A volume as docker's lists show it. */
import type { MeasuredVolume, Volume } from '../../engine/api/index.ts';
import { decimalSize } from './go-text.ts';
import { labelFields, labelHeadings } from './labels.ts';
import type { FormatRow, RowFormat } from './rows.ts';

export const volumeFormat: RowFormat = {
  headings: {
    Availability: 'AVAILABILITY',
    Driver: 'DRIVER',
    Group: 'GROUP',
    ...labelHeadings,
    Links: 'LINKS',
    Mountpoint: 'MOUNTPOINT',
    Name: 'VOLUME NAME',
    Scope: 'SCOPE',
    Size: 'SIZE',
    Status: 'STATUS',
  },
  defaultTable: '{{.Driver}}\t{{.Name}}',
  raw: 'name: {{.Name}}\ndriver: {{.Driver}}\n',
};

/** What only a cluster or a measurement would know is not available, as docker says it. */
export function volumeRow({ Driver, Labels, Mountpoint, Name, Scope }: Volume): FormatRow {
  return {
    ...labelFields(Labels),
    Availability: 'N/A',
    Driver,
    Group: 'N/A',
    Links: 'N/A',
    Mountpoint,
    Name,
    Scope,
    Size: 'N/A',
    Status: 'N/A',
  };
}

/** With what `system df` has measured. */
export function measuredVolumeRow({ UsageData, ...volume }: MeasuredVolume): FormatRow {
  const { RefCount, Size } = UsageData;
  return { ...volumeRow(volume), Links: String(RefCount), Size: sizeOrUnknown(Size) };
}

function sizeOrUnknown(bytes: number): string {
  return bytes < 0 ? 'N/A' : decimalSize(bytes);
}
