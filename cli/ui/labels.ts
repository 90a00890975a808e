/** Labels in the lists of all kinds of things. */
import { labelHeading, type FormatRow } from './rows.ts';

export function labelFields(labels: Readonly<Record<string, string>> | null): FormatRow {
  return {
    Label: (name: unknown): string => labels?.[String(name)] ?? '',
    Labels: Object.entries(labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  };
}

export const labelHeadings: FormatRow = { Label: labelHeading, Labels: 'LABELS' };
