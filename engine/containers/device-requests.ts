/** Devices by driver or name (`--gpus`, CDI): there is no driver here, and the start says so as Docker does. */
import { EngineError } from '../api/index.ts';
import type { ContainerRecord } from './container.ts';

export function requireDeviceDrivers({ hostConfig }: ContainerRecord): void {
  for (const { Driver = '', DeviceIDs, Capabilities } of hostConfig.DeviceRequests ?? []) {
    if (Driver === 'cdi') {
      throw new EngineError(
        'invalid-argument',
        `CDI device injection failed: unresolvable CDI devices ${(DeviceIDs ?? []).join(', ')}`,
      );
    }
    const capabilities = (Capabilities ?? []).map((all) => `[${all.join(' ')}]`).join(' ');
    throw new EngineError(
      'invalid-argument',
      `could not select device driver ${JSON.stringify(Driver)} with capabilities: [${capabilities}]`,
      { hint: 'this engine has no drivers for devices; pass nodes with "devices"' },
    );
  }
}
