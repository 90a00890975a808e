/** Image names as users write them, checked and canonical. */
import { canonicalReference, EngineError, parseReference, withDefaultTag } from '../api/index.ts';

/** Names the engine gives out itself; nobody else may put another image behind them. */
export const reservedDomain = 'tscompose.local';

/** Docker's own keyword for no image at all. */
const reservedName = 'scratch';

/** A name that an image can get: a tag, `latest` if none is written, and no digest. */
export function nameToGive(written: string): string {
  const reference = withDefaultTag(parseReference(written));
  if (reference.digest !== null)
    throw new EngineError('invalid-argument', `"${written}" is a digest, which cannot be given`, {
      hint: 'name the image by repository and tag',
    });
  if (reference.domain === reservedDomain)
    throw new EngineError('invalid-argument', `"${written}" is a name of the engine itself`, {
      hint: `choose a name outside "${reservedDomain}"`,
    });
  if (reference.domain === 'docker.io' && reference.path === `library/${reservedName}`)
    throw new EngineError('invalid-argument', `"${reservedName}" is reserved`);
  return canonicalReference(reference);
}
