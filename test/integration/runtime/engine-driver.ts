/** An engine that starts one container and is then killed: bundled and run by shim.test.ts. argv[2] is the request. */
import { readFileSync } from 'node:fs';
import { startShim } from '../../../engine/runtime/shim.ts';
import type { SandboxSpec } from '../../../engine/runtime/sandbox-spec.ts';

interface Request {
  readonly spec: SandboxSpec;
  readonly waitsForStart: boolean;
}

const [, , path = ''] = process.argv;
const request = JSON.parse(readFileSync(path, 'utf8'), (_key, value: unknown) =>
  typeof value === 'string' && value.startsWith('bigint:')
    ? BigInt(value.slice('bigint:'.length))
    : value,
) as Request;
const spec = {
  ...request.spec,
  process: { ...request.spec.process, seccomp: new Uint8Array(0) },
};
const shim = await startShim({ spec, held: [], waitsForStart: request.waitsForStart });
process.stdout.write(`${shim.containerPid}\n`);
