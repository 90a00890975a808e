/** Columns as wide as their widest cell, three spaces apart, as `docker` prints them: scripts cut by these. */

const gap = '   ';

export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(...all.map((row) => Array.from(row[column] ?? '').length)),
  );
  return all.map((row) => `${renderRow(row, widths)}\n`).join('');
}

function renderRow(row: readonly string[], widths: readonly number[]): string {
  const cells = widths.map((width, column) => {
    const cell = row[column] ?? '';
    return cell + ' '.repeat(width - Array.from(cell).length);
  });
  return cells.join(gap).trimEnd();
}
