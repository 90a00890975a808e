/** `--link` on the default bridge, where names do not resolve: lines of /etc/hosts, of the addresses at the start. */
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import { shortId } from '../lib/index.ts';
import type { Container, ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';

type Context = Pick<ContainerContext, 'containers'>;

interface Link {
  readonly other: Container;
  readonly alias: string;
}

/** Throws where one of them names nobody. */
export function checkLinks(ctx: Context, { Links }: HostConfig): void {
  for (const link of Links ?? []) parseLink(ctx, link);
}

/** "name:address", as of `ExtraHosts`. */
export function linkedHosts(
  ctx: Context,
  { name, hostConfig }: Pick<ContainerRecord, 'name' | 'hostConfig'>,
): readonly string[] {
  return (hostConfig.Links ?? []).flatMap((written) => {
    const { other, alias } = parseLink(ctx, written);
    const address = other.network?.endpoints['bridge']?.IPAddress ?? '';
    if (other.process === null || address === '') {
      throw new EngineError(
        'conflict',
        `Cannot link to a non running container: /${other.name} AS /${name}/${alias}`,
      );
    }
    return [alias, other.record.config.Hostname ?? shortId(other.id), other.name].map(
      (host) => `${host}:${address}`,
    );
  });
}

function parseLink(ctx: Context, written: string): Link {
  const [ref = '', alias = ''] = written.split(':');
  const name = ref.replace(/^\//, '');
  try {
    return { other: ctx.containers.find(name), alias: alias === '' ? name : alias };
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
    throw new EngineError('not-found', `could not get container for ${name}: ${error.message}`);
  }
}
