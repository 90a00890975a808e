import type { Place } from './surroundings.d.mts';

export interface PeerDocker {
  readonly address: string;
  close(): Promise<void>;
}
export function findPeerRoot(): string | null;
export function startPeerDocker(options: {
  readonly root: string;
  readonly place?: Place;
  readonly flags?: readonly string[];
}): Promise<PeerDocker>;
