import type { port } from '../schema/port.ts';
import type { Canonical } from '../schema/shapes.ts';

/** What the host publishes of a container. Without `published`, any free port. */
export type ServicePort = Canonical<typeof port>;
