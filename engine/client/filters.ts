/** Values of a key are OR-ed, keys AND-ed, labels AND-ed: `{label: ['a=b'], status: ['running', 'exited']}`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** As the query parameter, or nothing when there is nothing to filter by. */
export function filtersQuery(filters: Filters | undefined): { filters?: string } {
  if (filters === undefined || Object.keys(filters).length === 0) return {};
  return { filters: JSON.stringify(filters) };
}
