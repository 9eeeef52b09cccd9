/** A parent with a guarded child that holds a connection to PORT: `guardedParent.ts PORT`. */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { spawnGuarded } from '../../src/local/guarded.ts';
import { runtimeCommand } from '../../src/local/runtime.ts';

const [port, role] = process.argv.slice(2);
if (role === 'child') {
  const connection = connect(Number(port), '127.0.0.1');
  process.on('SIGTERM', () => connection.end('SIGTERM', () => process.exit(0)));
  connection.write('ready ');
} else {
  await spawnGuarded(runtimeCommand(fileURLToPath(import.meta.url), [port!, 'child']), {
    clock: systemClock(),
  });
}
