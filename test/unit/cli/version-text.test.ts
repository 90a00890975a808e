import { describe, expect, test } from 'vitest';
import { versionLine, versionRequest, versionText } from '../../../cli/version-text.ts';

const embedded = { isEmbedded: true, url: 'unix:///run/t/engine.sock', reason: 'nothing is set' };
const remote = { isEmbedded: false, url: 'ssh://box', reason: 'DOCKER_HOST is set' };

describe('version', () => {
  test('says which engine would be used and why', () => {
    expect(versionText({}, '1.2.3', () => embedded)).toBe(
      'tscompose version v1.2.3\nengine: embedded, unix:///run/t/engine.sock (nothing is set)\n',
    );
    expect(versionText({}, '1.2.3', () => remote)).toBe(
      'tscompose version v1.2.3\nengine: ssh://box (DOCKER_HOST is set)\n',
    );
  });

  test('--format json has the field that docker compose has', () => {
    expect(JSON.parse(versionText({ format: 'json' }, '1.2.3', () => remote))).toEqual({
      version: 'v1.2.3',
      engine: { address: 'ssh://box', embedded: false, reason: 'DOCKER_HOST is set' },
    });
  });

  test('--short does not look at the environment', () => {
    const fail = (): never => {
      throw new Error('asked for the address');
    };
    expect(versionText({ short: true }, '1.2.3', fail)).toBe('1.2.3\n');
    expect(versionLine('1.2.3')).toBe('tscompose version v1.2.3\n');
  });
});

describe('the dispatcher', () => {
  test.each([
    [['version'], {}],
    [['version', '--short'], { short: true }],
    [['version', '--format', 'json'], { format: 'json' }],
    [['version', '-f', 'json'], { format: 'json' }],
    [['version', '--format=json'], { format: 'json' }],
    [['--version'], 'line'],
    [['-v'], 'line'],
  ])('answers %j itself', (argv, expected) => {
    expect(versionRequest(argv)).toEqual(expected);
  });

  test.each([
    [[]],
    [['version', '--help']],
    [['version', '--shrot']],
    [['version', '--short', '--short']],
    [['version', '--format', 'yaml']],
    [['--host', 'embedded', 'version']],
    [['ps']],
    [['--version', 'ps']],
  ])('leaves %j to the parser', (argv) => {
    expect(versionRequest(argv)).toBeNull();
  });
});
