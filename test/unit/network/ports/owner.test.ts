import { describe, expect, test } from 'vitest';
import { parseSocketTable } from '../../../../network/ports/owner.ts';
import { isLittleEndian } from '../../../../network/netlink/bytes.ts';

// proc_pid_net(5), as Linux 6.18 prints it on a little-endian machine.
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 26018 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11002 1 0000000000000000 100 0 0 10 0
   2: 0200A8C0:8AE2 0101A8C0:01BB 01 00000000:00000000 02:000A9E1B 00000000  1000        0 30112 2 0000000000000000 20 4 30 10 -1
`;
const table6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41018 1 0
   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41019 1 0
   2: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41020 1 0
`;

describe.runIf(isLittleEndian)('the table of sockets', () => {
  test('must give address, port, state and inode of IPv4', () => {
    expect(parseSocketTable(table)).toEqual([
      { address: 0x7f000001, ipv6: null, port: 8080, isListening: true, inode: '26018' },
      { address: 0, ipv6: null, port: 22, isListening: true, inode: '11002' },
      { address: 0xc0a80002, ipv6: null, port: 35554, isListening: false, inode: '30112' },
    ]);
  });

  test('must tell which of IPv6 also take IPv4', () => {
    expect(parseSocketTable(table6)).toEqual([
      { address: 0, ipv6: 0n, port: 8080, isListening: true, inode: '41018' },
      { address: null, ipv6: 1n, port: 631, isListening: true, inode: '41019' },
      { address: 0x7f000001, ipv6: 0xffff7f000001n, port: 8081, isListening: true, inode: '41020' },
    ]);
  });

  test.each(['', 'header only', 'header\n0: nonsense', 'header\n   0: 0100007F:1F90'])(
    'must be empty for %j',
    (text) => {
      expect(parseSocketTable(text)).toEqual([]);
    },
  );
});
