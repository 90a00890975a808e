/** Where we answer otherwise than the Docker that was recorded, and why. Never with more than Docker allows. */
export interface Difference {
  readonly cases: RegExp;
  /** Those of the cases to which Docker answers this. */
  readonly docker: string;
  readonly ours: string;
  /** Only where the kernel filters frames that stay on one bridge (bridge-nf-call-iptables), as Docker makes it. */
  readonly isOfFrames?: true;
  readonly why: string;
}

export const differences: readonly Difference[] = [
  {
    cases: /^icc off: icc off\.[ab] → the .*port /,
    docker: 'yes, as host',
    ours: 'no',
    isOfFrames: true,
    why: 'containers that are kept apart are so by way of published ports too, as with Docker without its userland proxy',
  },
  {
    cases: /^(?=([^:]+?)(?: by IPv6)?: )\1(?: by IPv6)?: \1\.b → the .*port /,
    docker: 'yes, as host',
    ours: 'yes',
    isOfFrames: true,
    why: "a published port sees the address of the container beside it, not that of the host's proxy",
  },
  {
    cases: /^(?=([^:]+?)(?: by IPv6)?: )\1(?: by IPv6)?: (?!\1\.).*\.b → the .*port /,
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
