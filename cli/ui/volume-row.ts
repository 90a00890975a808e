/** A volume as docker's lists show it. */
import type { Volume } from '../../engine/api/index.ts';
import { labelHeading, type FormatRow, type RowFormat } from './rows.ts';

export const volumeFormat: RowFormat = {
  headings: {
    Availability: 'AVAILABILITY',
    Driver: 'DRIVER',
    Group: 'GROUP',
    Label: labelHeading,
    Labels: 'LABELS',
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
  const labels = Labels ?? {};
  return {
    Availability: 'N/A',
    Driver,
    Group: 'N/A',
    Label: (name: unknown): string => labels[String(name)] ?? '',
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Links: 'N/A',
    Mountpoint,
    Name,
    Scope,
    Size: 'N/A',
    Status: 'N/A',
  };
}
