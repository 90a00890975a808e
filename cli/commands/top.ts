import type { ContainerSummary, ContainerTop } from '../../engine/api/index.ts';
import { defineCommand, type Command } from '../command.ts';
import { servicesArgument } from '../options.ts';
import { narrowTable, renderTable } from '../ui/table.ts';

interface TopRequest {
  readonly services?: readonly string[];
}

interface Listed {
  readonly container: ContainerSummary;
  readonly top: ContainerTop;
}

export const topCommand: Command = defineCommand<TopRequest>({
  name: 'top',
  summary: 'list the processes in running containers',
  arguments: [servicesArgument],
  options: { services: null },
  examples: ['tscompose top web'],
  run: async ({ services }, context) => {
    const { listContainers } = await import('../listed.ts');
    const containers = await listContainers(context, { services });
    const engine = await context.engine();
    const signal = context.interrupts.graceful;
    const listed = await Promise.all(
      containers.map(async (container) => ({
        container,
        top: await engine.containers.top(container.Id, { signal }),
      })),
    );
    if (listed.length > 0) await context.ui.stdout.write(render(listed));
    return undefined;
  },
});

/** Engines differ in their columns: what one of them does not have is a dash. */
function render(listed: readonly Listed[]): string {
  const titles = [...new Set(listed.flatMap(({ top }) => top.Titles))];
  const rows = listed.flatMap(({ container, top }) =>
    top.Processes.map((process) => [
      container.Labels['com.docker.compose.service'] ?? '',
      container.Labels['com.docker.compose.container-number'] ?? '',
      ...titles.map((title) => process[top.Titles.indexOf(title)] ?? '-'),
    ]),
  );
  return renderTable(['SERVICE', '#', ...titles], rows, narrowTable);
}
