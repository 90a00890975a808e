import { describe, expect, test } from 'vitest';
import { renderInfo } from '../../../../cli/ui/info.ts';
import type { SystemInfo } from '../../../../engine/api/index.ts';

const info: SystemInfo = {
  ID: 'id',
  Name: 'box',
  ServerVersion: '1.2.3',
  Containers: 3,
  ContainersRunning: 1,
  ContainersPaused: 0,
  ContainersStopped: 2,
  Images: 4,
  Driver: 'overlay2',
  DriverStatus: [['Backing Filesystem', 'extfs']],
  DockerRootDir: '/var/lib/x',
  SystemTime: '',
  KernelVersion: '6.1',
  OperatingSystem: 'Debian',
  OSVersion: '12',
  OSType: 'linux',
  Architecture: 'x86_64',
  NCPU: 2,
  MemTotal: 4_294_967_296,
  CgroupDriver: 'cgroupfs',
  CgroupVersion: '2',
  LoggingDriver: 'json-file',
  SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
  LiveRestoreEnabled: true,
  Swarm: { LocalNodeState: 'inactive' },
  Warnings: ['WARNING: careful'],
  Plugins: { Volume: ['local'], Network: ['bridge', 'host'], Authorization: null },
  RuncCommit: { ID: '' },
};
const client = { version: '9', address: 'unix:///s' };

describe('info', () => {
  test('must be told in docker’s lines', () => {
    const lines = renderInfo(info, { client, format: '' }).split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'Client: tscompose',
      ' Version:    9',
      ' Address:    unix:///s',
      '',
      'Server:',
    ]);
    expect(lines).toEqual(
      expect.arrayContaining([
        ' Storage Driver: overlay2',
        '  Backing Filesystem: extfs',
        '  Network: bridge host',
        ' Security Options:',
        '  seccomp',
        '   Profile: builtin',
        '  cgroupns',
        ' Total Memory: 4GiB',
      ]),
    );
    expect(lines.slice(-4)).toEqual([' Live Restore Enabled: true', '', 'WARNING: careful', '']);
    expect(lines.join('\n')).not.toContain('runc version');
  });

  test('must be shown by a template, and as the engine sent it with what the client is', () => {
    expect(renderInfo(info, { client, format: '{{.Name}} {{.NCPU}}' })).toBe('box 2\n');
    expect(JSON.parse(renderInfo(info, { client, format: 'json' }))).toEqual({
      ...info,
      ClientInfo: { Debug: false, Version: '9', Address: 'unix:///s', Warnings: null },
    });
    expect(() => renderInfo(info, { client, format: '{{.Nope}}' })).toThrow("can't evaluate field");
  });
});
