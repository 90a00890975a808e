/** Columns as `docker` prints them, through Go's text/tabwriter: scripts cut by these. */

export interface TableShape {
  /** Of a column, with its gap. */
  readonly minimum: number;
  readonly gap: number;
}

/** `docker ps`, `docker compose ps`, everything with `--format`. */
export const dockerTable: TableShape = { minimum: 10, gap: 3 };
/** `docker compose ls` and `images`. */
export const wideTable: TableShape = { minimum: 20, gap: 3 };
/** `docker compose top`. */
export const narrowTable: TableShape = { minimum: 4, gap: 2 };

export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  shape: TableShape = dockerTable,
): string {
  return alignColumns([header, ...rows], shape);
}

/**
 * Every cell but a line's last is as wide as the widest of its column, and a column is what stands in neighbouring
 * lines: a line with fewer cells ends it (pkg.go.dev/text/tabwriter).
 */
export function alignColumns(lines: readonly (readonly string[])[], shape: TableShape): string {
  const widths: number[][] = lines.map(() => []);
  for (let column = 0; lines.some((cells) => cells.length > column + 1); column += 1) {
    let start = 0;
    while (start < lines.length) {
      const end = blockEnd(lines, start, column);
      const block = lines.slice(start, end).map((cells) => cells[column] ?? '');
      const widest = Math.max(0, ...block.map((cell) => Array.from(cell).length));
      const width = Math.max(shape.minimum, widest + shape.gap);
      for (let line = start; line < end; line += 1) widths[line]?.push(width);
      start = Math.max(end, start + 1);
    }
  }
  return lines.map((cells, line) => `${renderLine(cells, widths[line] ?? [])}\n`).join('');
}

/** Behind the last line from `start` on that has a cell in this column that is not its last. */
function blockEnd(lines: readonly (readonly string[])[], start: number, column: number): number {
  let end = start;
  while ((lines[end]?.length ?? 0) > column + 1) end += 1;
  return end;
}

function renderLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const isLast = column === cells.length - 1;
      return isLast ? cell : cell + ' '.repeat((widths[column] ?? 0) - Array.from(cell).length);
    })
    .join('');
}
