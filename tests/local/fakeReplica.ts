/**
 * A process that behaves like a replica from outside, for tests of the code that runs replicas. Its store is a
 * directory (MONGO_URI): the process that creates `term-N` leads with term N, as long as it touches it.
 */
import { createServer } from 'node:http';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LEASE_MS = 300;
const RENEW_EVERY_MS = 20;

const { MONGO_URI: store = '', HOSTNAME: id = '', PORT: port = '' } = process.env;
const replicas = ['replica-1', 'replica-2', 'replica-3'];
let ledTerm = 0;

function lease(): { term: number; holder: string; fresh: boolean } {
  const term = Math.max(0, ...readdirSync(store).map((name) => Number(/^term-(\d+)$/.exec(name)?.[1] ?? 0)));
  if (term === 0) return { term, holder: '', fresh: false };
  const dir = join(store, `term-${term}`);
  return { term, holder: read(join(dir, 'holder')), fresh: Date.now() - statSync(dir).mtimeMs < LEASE_MS };
}

function renewOrAcquire(): void {
  const { term, fresh } = lease();
  if (term > 0 && term === ledTerm) return utimesSync(join(store, `term-${term}`), new Date(), new Date());
  writeFileSync(join(store, `${id}.role`), 'follower');
  if (fresh) return;
  try {
    mkdirSync(join(store, `term-${term + 1}`));
  } catch {
    return; // Another replica was faster.
  }
  ledTerm = term + 1;
  writeFileSync(join(store, `term-${ledTerm}`, 'holder'), id);
  writeFileSync(join(store, `${id}.role`), 'leader');
  console.log(
    JSON.stringify({
      time: new Date().toISOString(),
      level: 'info',
      msg: 'leading',
      replica: id,
      term: ledTerm,
    }),
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const server = createServer((req, res) => {
  const { term, holder, fresh } = lease();
  if (req.url === '/leader') res.statusCode = fresh && holder ? 200 : 503;
  const roles = replicas.map((replica) => ({ id: replica, role: read(join(store, `${replica}.role`)) }));
  res.end(
    JSON.stringify(
      req.url === '/leader'
        ? { replica: holder, term }
        : { replicas: roles, env: process.env.TEST_WORD, address: process.env.ADDRESS },
    ),
  );
});
server.listen(Number(port), process.env.HOST);
if (process.env.TEST_WORD === 'broken') {
  console.log(JSON.stringify({ level: 'error', msg: 'exiting', error: 'a setting is broken' }));
  console.error('TEST_WORD is broken; it must be something else.');
  process.exit(1);
}
setInterval(renewOrAcquire, RENEW_EVERY_MS);
process.on('SIGTERM', () => {
  if (process.env.TEST_WORD === 'stubborn') return console.log('no');
  console.log(JSON.stringify({ time: new Date().toISOString(), level: 'info', msg: 'bye', replica: id }));
  process.exit(0);
});
