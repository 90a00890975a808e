/**
 * HTTP for the engine's API: routing, versions, queries, bodies, replies, the listening socket. Belongs here: what is
 * true for every endpoint. Does not belong here: any container, image or network word.
 */
export * from './decode.ts';
export * from './filters.ts';
export { listenUnix, stopListening } from './listen.ts';
export { parseQueryTime } from './query-time.ts';
export { Query } from './query.ts';
export * from './reply.ts';
export { createRouter, type Route, type Router, type RouteRequest } from './router.ts';
export { createHttpServer, type ServerOptions } from './server.ts';
