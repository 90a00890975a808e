/** Bind mounts that give a container more than most people mean; each is said at its line. */
import type { Project } from '../model/project.ts';
import { textAt } from '../positions.ts';

const everything = 'the whole file system of the host';
const theEngine = 'the engine, and with it the host as root';

/** Source → what the container gets with it. */
const risky: ReadonlyMap<string, string> = new Map([
  ['/', everything],
  ['/proc', "the host's processes and settings"],
  ['/sys', "the host's devices and settings"],
  ['/dev', "the host's devices"],
  ['/etc', "the host's users and settings"],
  ...['docker', 'containerd/containerd', 'podman/podman', 'tscompose/engine'].flatMap((name) =>
    ['/run', '/var/run'].map((directory) => [`${directory}/${name}.sock`, theEngine] as const),
  ),
]);

export function mountWarnings(project: Project, services: readonly string[]): string[] {
  return services.flatMap((name) =>
    (project.services[name]?.volumes ?? []).flatMap(({ type, source = '', read_only }, index) => {
      const given = type === 'bind' ? risky.get(source) : undefined;
      // What listens on a socket takes commands whether the mount is read-only or not.
      if (
        given === undefined ||
        (read_only === true && given !== theEngine && given !== everything)
      )
        return [];
      const path = ['services', name, 'volumes', index];
      return [textAt(project, path, `"${source}" gives service "${name}" ${given}`)];
    }),
  );
}
