import { describe, expect, test } from 'vitest';
import type { Fd } from '../../../../native/index.ts';
import type { Kernel } from '../../../../network/index.ts';
import {
  decodeMessages,
  encodeMessages,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from '../../../../network/netlink/message.ts';
import type { Message } from '../../../../network/netlink/message.ts';
import { NetlinkSocket } from '../../../../network/netlink/socket.ts';
import type { NetlinkRequest } from '../../../../network/netlink/socket.ts';

type Answer = (messages: readonly Message[], until: number) => readonly Message[];

/** A kernel that answers exchanges one by one as it was told. */
function kernelOf(answers: Answer[]): {
  kernel: Pick<Kernel, 'openSocket' | 'closeFd' | 'netlinkExchange'>;
  sent: Message[][];
  closed: Fd[];
} {
  const sent: Message[][] = [];
  const closed: Fd[] = [];
  return {
    sent,
    closed,
    kernel: {
      openSocket: () => Promise.resolve(7 as Fd),
      closeFd: (fd) => closed.push(fd),
      netlinkExchange: (_, bytes, until) => {
        const messages = decodeMessages(bytes);
        sent.push(messages);
        const answer = answers.shift();
        if (answer === undefined) throw new Error('netlinkExchange was not expected');
        return Promise.resolve(encodeMessages(answer(messages, until)));
      },
    },
  };
}

function verdict(sequence: number, errno: number): Message {
  const payload = new Uint8Array(20);
  new Int32Array(payload.buffer, 0, 1)[0] = -errno;
  return { type: NLMSG_ERROR, flags: 0, sequence, payload };
}

const acknowledgeAll: Answer = (messages) =>
  messages
    .filter(({ flags }) => (flags & NLM_F_ACK) !== 0)
    .map(({ sequence }) => verdict(sequence, 0));

function request(type: number): NetlinkRequest {
  return { type, payload: new Uint8Array(), purpose: `do ${type}` };
}

async function open(kernel: Parameters<typeof NetlinkSocket.open>[0]): Promise<NetlinkSocket> {
  return await NetlinkSocket.open(kernel, 'netlink-route');
}

const frame = {
  begin: { type: 16, payload: new Uint8Array() },
  end: { type: 17, payload: new Uint8Array() },
};

describe('a netlink socket', () => {
  test('must send what several callers ask for as one exchange, and give each its own replies', async () => {
    const { kernel, sent } = kernelOf([
      (messages) => messages.map(({ sequence, type }) => verdict(sequence, type === 30 ? 17 : 0)),
    ]);
    const socket = await open(kernel);
    const [first, second] = await Promise.all([
      socket.send([request(10), request(20)]),
      socket.send([request(30)]),
    ]);
    expect(sent.map((messages) => messages.map(({ type }) => type))).toEqual([[10, 20, 30]]);
    expect(first.map(({ errno }) => errno)).toEqual([0, 0]);
    expect(second.map(({ errno }) => errno)).toEqual([17]);
  });

  test('must not send more at once than the answers fit its buffer', async () => {
    const { kernel, sent } = kernelOf([acknowledgeAll, acknowledgeAll, acknowledgeAll]);
    const socket = await open(kernel);
    const replies = await socket.send(Array.from({ length: 300 }, () => request(1)));
    expect(replies).toHaveLength(300);
    expect(sent.map(({ length }) => length)).toEqual([128, 128, 44]);
  });

  test('must fail with what was refused', async () => {
    const { kernel } = kernelOf([
      (messages) => messages.map(({ sequence }, index) => verdict(sequence, index === 1 ? 19 : 0)),
    ]);
    const socket = await open(kernel);
    await expect(socket.require([request(1), request(2), request(3)])).rejects.toMatchObject({
      name: 'SyscallError',
      errno: 'ENODEV',
      message: 'do 2: sendmsg(2): ENODEV',
    });
  });

  test('must pass over answers to an earlier exchange', async () => {
    const { kernel } = kernelOf([
      (messages) => [verdict(99_999, 5), ...messages.map(({ sequence }) => verdict(sequence, 0))],
    ]);
    const socket = await open(kernel);
    expect(await socket.require([request(1)])).toEqual([{ errno: 0, reason: '', messages: [] }]);
  });

  test('must read a dump again that was changed while it was read', async () => {
    const part =
      (flags: number): Answer =>
      (messages, until) => {
        expect(messages.map(({ flags: asked }) => asked & NLM_F_DUMP)).toEqual([NLM_F_DUMP]);
        return [
          { type: 50, flags, sequence: until, payload: Uint8Array.of(1) },
          { type: NLMSG_DONE, flags: 0, sequence: until, payload: new Uint8Array(4) },
        ];
      };
    const { kernel, sent } = kernelOf([part(NLM_F_DUMP_INTR), part(0)]);
    const socket = await open(kernel);
    expect((await socket.dump(request(1))).map(({ type }) => type)).toEqual([50]);
    expect(sent).toHaveLength(2);
  });

  test('must ask for the acknowledgement of the last request of a transaction, and take any error for its end', async () => {
    const { kernel, sent } = kernelOf([
      acknowledgeAll,
      (messages) => [
        verdict(messages[2]?.sequence ?? 0, 2),
        verdict(messages[3]?.sequence ?? 0, 0),
      ],
      (messages) => [verdict(messages[0]?.sequence ?? 0, 1)],
    ]);
    const socket = await open(kernel);
    const requests = [request(100), request(200), request(300)];
    expect(await socket.transact({ ...frame, requests })).toMatchObject({ errno: 0 });
    expect(sent[0]?.map(({ type, flags }) => [type, (flags & NLM_F_ACK) !== 0])).toEqual([
      [16, false],
      [100, false],
      [200, false],
      [300, true],
      [17, false],
    ]);
    expect(await socket.transact({ ...frame, requests })).toMatchObject({
      errno: 2,
      reason: 'do 200',
    });
    // Refused as a whole: the kernel answers the begin message only.
    expect(await socket.transact({ ...frame, requests })).toMatchObject({ errno: 1, reason: '' });
  });

  test('must close its descriptor once', async () => {
    const { kernel, closed } = kernelOf([]);
    const socket = await open(kernel);
    socket.close();
    socket.close();
    expect(closed).toEqual([7]);
    await expect(socket.send([request(1)])).rejects.toThrow('closed');
  });
});
