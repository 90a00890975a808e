import { labels, options } from './definitions.ts';
import { external } from './network.ts';
import { filled, object, optional, string } from './shapes.ts';

/** secrets.*. */
export const secret = object({
  driver: optional('Who keeps the secret in a cluster.', string),
  driver_opts: optional('Settings of the driver.', options),
  environment: optional('Variable of the environment of tscompose that holds the secret.', string),
  external: optional('The secret exists already, outside the project.', external, {
    default: false,
  }),
  file: optional('File that holds the secret.', string, { examples: ['./password.txt'] }),
  labels: optional('Labels of the secret in a cluster.', labels),
  name: filled('Its name outside the project; without it, project_key.', string),
  template_driver: optional('Who fills templates in the secret in a cluster.', string),
});

/** configs.*. */
export const config = object({
  content: optional('The text of the file; variables are substituted in it.', string),
  environment: optional('Variable of the environment of tscompose that holds the text.', string),
  external: optional('The config exists already, outside the project.', external, {
    default: false,
  }),
  file: optional('File that holds the text.', string, { examples: ['./nginx.conf'] }),
  labels: optional('Labels of the config in a cluster.', labels),
  name: filled('Its name outside the project; without it, project_key.', string),
  template_driver: optional('Who fills templates in the config in a cluster.', string),
});
