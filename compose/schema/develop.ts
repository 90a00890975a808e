import { Type, type TSchema } from 'typebox';
import { either, listOf, nothing, object, oneOf, shared, string } from './shapes.ts';

/** services.*.develop. */
export const develop: TSchema = either(
  nothing,
  object({
    watch: listOf(
      object(
        {
          action: oneOf('rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'),
          exec: shared('hook'),
          ignore: shared('stringOrList'),
          include: shared('stringOrList'),
          initial_sync: Type.Boolean(),
          path: string,
          target: string,
        },
        ['path', 'action'],
      ),
    ),
  }),
);
