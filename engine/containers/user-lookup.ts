/** Who a container's program runs as, looked up in the image's own passwd and group files. */
import type { Image } from '../images/index.ts';
import type { ContainerContext } from './context.ts';
import { resolveUser } from './user.ts';
import type { ResolvedUser } from './user.ts';

export async function lookUpUser(
  ctx: Pick<ContainerContext, 'snapshots'>,
  image: Image,
  request: { readonly user: string; readonly groupAdd: readonly string[] },
): Promise<ResolvedUser> {
  const [passwd, group] = await Promise.all([
    ctx.snapshots.readFile(image, '/etc/passwd'),
    ctx.snapshots.readFile(image, '/etc/group'),
  ]);
  return resolveUser({ ...request, passwd: passwd ?? '', group: group ?? '' });
}
