import { expect, test } from 'vitest';
import { daemonArguments, daemonRequest } from '../../../cli/daemon-request.ts';

test('the dispatcher must read back what the starter writes', () => {
  const request = { stateRoot: '/var/lib/t', runRoot: '/run/t', readyFd: 3 };
  expect(daemonRequest(daemonArguments(request))).toEqual(request);
});

test.each([[['daemon']], [['daemon', 'stop']], [['daemon', '--ready-fd', '3']], [['ps']], [[]]])(
  '%j is a person’s and goes to the parser',
  (argv) => {
    expect(daemonRequest(argv)).toBeNull();
  },
);
