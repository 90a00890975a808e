import { expectTypeOf, test } from 'vitest';
import type { EnginePort } from '../../../../compose/index.ts';
import type { EngineClient } from '../../../../engine/client/index.ts';

test('the engine client must satisfy the port of the executor', () => {
  expectTypeOf<EngineClient>().toExtend<EnginePort>();
});
