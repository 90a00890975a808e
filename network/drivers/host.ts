import type { Driver } from '../driver.ts';
import { plainDriver } from './plain.ts';

/** The engine's own namespace: its containers have no sandbox. */
export const hostDriver: Driver = plainDriver('host');
