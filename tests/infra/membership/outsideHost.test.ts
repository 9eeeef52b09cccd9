import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, it } from 'node:test';
import { outsideHost } from '../../../src/infra/membership/outsideHost.ts';

function one(address: string, internal = false): NetworkInterfaceInfo[] {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  return [
    { address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 } as NetworkInterfaceInfo,
  ];
}

const LO = { lo: [...one('127.0.0.1', true), ...one('::1', true)] };

describe('where others reach this machine', () => {
  const cases: [why: string, interfaces: Record<string, NetworkInterfaceInfo[]>, host: string][] = [
    ['its IPv4 address, as in a container', { ...LO, eth0: one('172.17.0.3') }, '172.17.0.3'],
    ['IPv4 rather than IPv6', { ...LO, eth0: [...one('fd00::7'), ...one('10.0.0.7')] }, '10.0.0.7'],
    [
      'its IPv6 address, when it has no other',
      { ...LO, eth0: [...one('fe80::1'), ...one('fd00::7')] },
      'fd00::7',
    ],
    [
      'not the network of its own containers',
      { docker0: one('172.17.0.1'), eth0: one('10.0.0.7') },
      '10.0.0.7',
    ],
    ['rather IPv6 than that', { docker0: one('172.17.0.1'), eth0: one('fd00::7') }, 'fd00::7'],
    ['that, when there is nothing else', { ...LO, docker0: one('172.17.0.1') }, '172.17.0.1'],
    ['no link-local address', { eth0: one('169.254.3.4'), eth1: one('10.0.0.7') }, '10.0.0.7'],
    ['its name, when it has no address', LO, 'box-1'],
  ];
  for (const [why, interfaces, host] of cases) {
    it(why, () => assert.equal(outsideHost(interfaces, 'box-1'), host));
  }
});
