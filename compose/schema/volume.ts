import { labels, options } from './definitions.ts';
import { external } from './network.ts';
import { filled, nothing, object, optional, string, withShort } from './shapes.ts';

/** volumes.*. */
export const volume = withShort(
  object({
    driver: optional('Who stores the data.', string, { default: 'local' }),
    driver_opts: optional(
      'Settings of the driver; for local what mount(8) takes: type, o, device.',
      options,
      {
        examples: [{ type: 'nfs', o: 'addr=10.0.0.1,rw', device: ':/export' }],
      },
    ),
    external: optional('The volume exists already: it is neither created nor removed.', external, {
      default: false,
    }),
    labels: optional('Labels of the volume.', labels),
    name: filled('Its name on the engine, as it is; without it, project_key.', string),
  }),
  nothing,
);
