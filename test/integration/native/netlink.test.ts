import { describe, expect, test } from 'vitest';
import {
  closeFd,
  createNetworkNamespace,
  netlinkExchange,
  netlinkExchangeSync,
  openSocket,
  removeNetworkNamespace,
  type Fd,
} from '../../../native/index.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOfAsync } from './support.ts';

// linux/netlink.h, linux/rtnetlink.h
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const REQUEST = 0x1;
const ACK = 0x4;
const DUMP = 0x300;
const CREATE = 0x600;

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

function message({ type, flags, sequence }: Message, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(16 + Math.ceil(payload.length / 4) * 4);
  bytes.writeUInt32LE(16 + payload.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(REQUEST | flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(payload, 16);
  return bytes;
}

function attribute(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(payload.length / 4) * 4);
  bytes.writeUInt16LE(4 + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(payload, 4);
  return bytes;
}

const linkHeader = Buffer.alloc(16);

/** A bridge: struct ifinfomsg, IFLA_IFNAME, IFLA_LINKINFO { IFLA_INFO_KIND }. */
function newBridge(name: string, sequence: number): Buffer {
  const kind = attribute(18, attribute(1, Buffer.from('bridge')));
  const payload = Buffer.concat([linkHeader, attribute(3, Buffer.from(`${name}\0`)), kind]);
  return message({ type: RTM_NEWLINK, flags: ACK | CREATE, sequence }, payload);
}

interface Header {
  readonly type: number;
  readonly sequence: number;
  readonly error: number;
}

function headers(bytes: Uint8Array): Header[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Header[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += Math.ceil(view.getUint32(at, true) / 4) * 4) {
    const type = view.getUint16(at + 4, true);
    const error = type === NLMSG_ERROR ? view.getInt32(at + 16, true) : 0;
    found.push({ type, sequence: view.getUint32(at + 8, true), error });
  }
  return found;
}

async function withSocket(check: (socket: Fd) => void | Promise<void>): Promise<void> {
  await using dir = await tempDir();
  const path = `${dir.path}/netns`;
  const netns = await createNetworkNamespace(path);
  const socket = await openSocket({ netns, family: 'netlink-route' });
  try {
    await check(socket);
  } finally {
    [socket, netns].forEach(closeFd);
    removeNetworkNamespace(path);
  }
}

describe('netlinkExchange', () => {
  test('a dump of many parts must come whole', () =>
    withSocket(async (socket) => {
      const names = Array.from({ length: 120 }, (_, index) => `bridge${index}`);
      const batch = Buffer.concat(names.map((name, index) => newBridge(name, index + 1)));
      const made = headers(await netlinkExchange(socket, batch, names.length));
      expect(made).toHaveLength(120);
      expect(made.every(({ error }) => error === 0)).toBe(true);

      const dump = message({ type: RTM_GETLINK, flags: DUMP, sequence: 7000 }, linkHeader);
      const links = headers(await netlinkExchange(socket, dump, 7000));
      expect(links.filter(({ type }) => type === RTM_NEWLINK)).toHaveLength(121);
      expect(links.at(-1)).toMatchObject({ type: NLMSG_DONE, sequence: 7000 });
    }));

  test('every error of a batch must be among the answers', () =>
    withSocket((socket) => {
      const batch = Buffer.concat([newBridge('a', 1), newBridge('a', 2), newBridge('b', 3)]);
      const answers = headers(netlinkExchangeSync(socket, batch, 3));
      expect(answers.map(({ sequence, error }) => [sequence, error])).toEqual([
        [1, 0],
        [2, -17],
        [3, 0],
      ]);
    }));

  test('an answer that never comes must not be waited for when the request was refused', () =>
    withSocket(async (socket) => {
      const answers = headers(await netlinkExchange(socket, newBridge('a/b', 1), 99));
      expect(answers).toEqual([{ type: NLMSG_ERROR, sequence: 1, error: -22 }]);
    }));

  test('one after the other must not read what belongs to another', () =>
    withSocket(async (socket) => {
      for (let sequence = 1; sequence <= 50; sequence++) {
        const answers = headers(
          await netlinkExchange(socket, newBridge(`d${sequence}`, sequence), sequence),
        );
        expect(answers).toEqual([{ type: NLMSG_ERROR, sequence, error: 0 }]);
      }
    }));

  test('a request on what is no netlink socket must be an error', async () => {
    const socket = await openSocket({ family: 'inet' });
    expect(await errnoOfAsync(netlinkExchange(socket, newBridge('a', 1), 1))).not.toBe('none');
    closeFd(socket);
  });
});
