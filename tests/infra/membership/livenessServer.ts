/**
 * A process that can be met: `livenessServer.ts BOOT`. Prints its port, then a line for each request; says
 * goodbye on SIGTERM.
 */
import process from 'node:process';
import { liveness } from '../../../src/http/membership/liveness.ts';
import { serve } from '../../../src/http/server/server.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { KNOWS_NONE } from './peerSupport.ts';
import { testApi } from '../../http/support.ts';

const boot = process.argv[2] as string;
const { routes, goodbye } = liveness({
  replica: { id: 'replica-1', boot, address: '', version: '0.1.0' },
  clock: systemClock(),
  known: KNOWS_NONE,
});
const { app } = await testApi({
  more: routes.map((route) => ({
    ...route,
    handler: (c) => (console.log('asked'), route.handler(c)),
  })),
});
const server = await serve(app, { host: '127.0.0.1', port: 0, clock: systemClock() });
process.on('SIGTERM', () => {
  goodbye();
  void server.close().then(() => process.exit(0));
});
console.log(server.port);
