/**
 * The contract between client and daemon: the Docker Engine API's bodies with the wire's spelling, error kinds,
 * versions, stream frames, image references. Belongs here: what both ends must agree on. Does not belong here:
 * anything that opens a connection, reads a file or keeps state.
 */
export * from './archive.ts';
export * from './containers.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './exec.ts';
export * from './images.ts';
export * from './multiplex.ts';
export * from './networks.ts';
export * from './prune.ts';
export * from './reference.ts';
export * from './stats.ts';
export * from './system.ts';
export * from './version.ts';
export * from './volumes.ts';
