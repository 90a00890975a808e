/** What the routes make of a backend's answers has dockerd's keys with dockerd's types. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  callApi,
  endpointKeys,
  optionalKeys,
  shapeCases,
  type Call,
} from '../../lib/api-shapes.ts';
import { FakeEngine } from '../../lib/fake-engine/engine.ts';
import { serveBackends, type HttpEngine } from '../../lib/http-engine.ts';
import { compareShape, readRecordedShapes } from '../../lib/shapes.ts';

const recorded = readRecordedShapes();
// The predefined networks are the real backend's.
const cases = shapeCases.filter(([name]) => name !== 'network inspect bridge');

describe.skipIf(recorded === null)('shapes of answers (skipped without ../shared)', () => {
  let engine: HttpEngine;

  beforeAll(async () => {
    engine = await serveBackends(new FakeEngine());
    const setUp: readonly Call[] = [
      { method: 'POST', path: '/images/create?fromSrc=-&repo=app' },
      { method: 'POST', path: '/images/create?fromSrc=-&repo=unused' },
      { method: 'POST', path: '/networks/create', body: { Name: 'net' } },
      { method: 'POST', path: '/containers/create?name=web', body: { Image: 'app' } },
    ];
    for (const call of setUp) await callApi(engine.socketPath, call);
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  test.each(cases)('%s must have its keys and types', async (name, call) => {
    const expected = recorded?.[name] ?? { status: 0, shape: {} };
    const { status, body } = await callApi(engine.socketPath, call);
    const { missing, mistyped } = compareShape(body, expected);
    const allowed = new Set([...(optionalKeys[name] ?? []), ...endpointKeys]);
    expect({ status, missing: missing.filter((path) => !allowed.has(path)), mistyped }).toEqual({
      status: expected.status,
      missing: [],
      mistyped: [],
    });
  });
});
