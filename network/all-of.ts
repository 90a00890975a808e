/** Waits for all of them; one failure is thrown as it is, several together. */
export async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failures = results
    .filter((result) => result.status === 'rejected')
    .map(({ reason }) => reason as unknown);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, messageOf(failures[0]));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
