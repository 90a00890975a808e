/** Where we answer otherwise than the Docker that was recorded, and why. Never with more than Docker allows. */
export interface Difference {
  readonly cases: RegExp;
  /** Those of the cases to which Docker answers this. */
  readonly docker: string;
  readonly ours: string;
  readonly why: string;
}

export const differences: readonly Difference[] = [
  {
    cases: /by IPv6: host → .*::1 /,
    docker: 'yes',
    ours: 'no',
    why: 'no rule of the kernel leads a packet for ::1 elsewhere: that takes a proxy',
  },
  {
    cases: /^plain by IPv6: /,
    docker: 'yes',
    ours: 'no',
    why: 'a container without IPv6 is not reached by it: that takes a proxy',
  },
  {
    cases: /^plain by IPv6: /,
    docker: 'yes, as host',
    ours: 'no',
    why: 'a container without IPv6 is not reached by it from elsewhere: that takes a proxy',
  },
  {
    cases: /^icc off: icc off\.[ab] → the .*port /,
    docker: 'yes, as host',
    ours: 'no',
    why: 'containers that are kept apart are so by way of published ports too, as with Docker without its userland proxy',
  },
  {
    cases: /\.b → the .*port /,
    docker: 'yes, as host',
    ours: 'yes',
    why: "a published port sees the address of the container that asks, not that of the host's proxy",
  },
  {
    cases: /: neighbour → .* 127\.0\.0\.1 /,
    docker: 'yes',
    ours: 'no',
    why: 'a packet for 127.0.0.1 that comes in from the segment is never translated',
  },
];
