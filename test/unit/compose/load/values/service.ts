import { errorText, loadText } from '../../lib/host.ts';

/** Attributes of a service as a file says them, as YAML in one line or with lines of its own. */
function projectText(attributes: string): string {
  const indented = attributes.replaceAll('\n', '\n    ');
  return `services:
  a:
    image: x
    ${indented}
  b: { image: y }
volumes: { data: }
networks: { front: }
secrets: { s: { file: ./s } }
configs: { c: { file: ./c } }
`;
}

/** What the model has of the first attribute that is named. */
export function attribute(attributes: string): unknown {
  const { project } = loadText(projectText(attributes));
  const name = attributes.split(':', 1)[0] ?? '';
  return (project.services['a'] as unknown as Readonly<Record<string, unknown>>)[name];
}

export function refusal(attributes: string): string {
  return errorText(() => loadText(projectText(attributes)));
}

export function warnings(attributes: string): string[] {
  return loadText(projectText(attributes)).warnings.map(({ message }) => message);
}
