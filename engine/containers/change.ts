import type { Container, ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';

/**
 * Writes a change of the record, and shows it when it is on the disk. The end of a run needs no lock, so a record may
 * change between the two: what somebody else has changed meanwhile is kept, by changing and writing again.
 */
export async function changeRecord(
  ctx: { readonly records: Pick<ContainerContext['records'], 'put'> },
  container: Container,
  change: (record: ContainerRecord) => ContainerRecord,
): Promise<void> {
  let seen: ContainerRecord;
  let changed: ContainerRecord;
  do {
    seen = container.record;
    changed = change(seen);
    await ctx.records.put(container.id, changed);
  } while (container.record !== seen);
  container.record = changed;
}
