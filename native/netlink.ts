import { binding } from './binding.ts';
import { attempt, attemptAsync } from './errors.ts';
import type { Fd } from './fd.ts';

/**
 * Sends a request of one or many netlink messages and returns every byte of the answers, up to and with the
 * acknowledgement, error or NLMSG_DONE whose sequence number is `until`. When the kernel refuses the whole request
 * it may answer an earlier message only: then that error is what is returned, so look for errors, not for `until`.
 * One exchange at a time per socket. ENOBUFS means that answers were lost: open a new socket.
 */
export function netlinkExchange(
  socket: Fd,
  request: Uint8Array,
  until: number,
): Promise<Uint8Array> {
  return attemptAsync('exchange netlink messages', () => binding().netlink(socket, request, until));
}

/** The same on the calling thread, for a few small messages. */
export function netlinkExchangeSync(socket: Fd, request: Uint8Array, until: number): Uint8Array {
  return attempt('exchange netlink messages', () => binding().netlinkSync(socket, request, until));
}
