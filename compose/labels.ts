/** The com.docker.compose.* labels. Other tools read them, so they are docker compose's own. */
export const labels = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  containerNumber: 'com.docker.compose.container-number',
  oneOff: 'com.docker.compose.oneoff',
  configHash: 'com.docker.compose.config-hash',
  dependsOn: 'com.docker.compose.depends_on',
  image: 'com.docker.compose.image',
  workingDirectory: 'com.docker.compose.project.working_dir',
  configFiles: 'com.docker.compose.project.config_files',
  environmentFile: 'com.docker.compose.project.environment_file',
  network: 'com.docker.compose.network',
  volume: 'com.docker.compose.volume',
  replace: 'com.docker.compose.replace',
  hook: 'com.docker.compose.hook',
  slug: 'com.docker.compose.slug',
  version: 'com.docker.compose.version',
} as const;

/** Everything below this prefix is ours to set; a user's label there is refused. */
export const reservedLabelPrefix = 'com.docker.compose.';
