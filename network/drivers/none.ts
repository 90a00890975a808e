import type { Driver } from '../driver.ts';
import { plainDriver } from './plain.ts';

/** A sandbox with nothing but loopback. */
export const noneDriver: Driver = plainDriver('none');
