/** A port binding: what the host publishes of a container. */
export interface ServicePort {
  readonly name?: string;
  readonly mode?: string;
  readonly host_ip?: string;
  readonly target: number;
  /** A port or a range ("8000-8010"); absent means any free port. */
  readonly published?: string;
  readonly protocol?: string;
  readonly app_protocol?: string;
}
