/**
 * A process that logs as a replica does, 200 lines of 1 kB every 10 ms, and says how it fares on a connection to PORT:
 * `logWriter.ts PORT`. It ends when it is told to, with how many lines it has logged, or when the connection does.
 */
import { connect } from 'node:net';
import process from 'node:process';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { standardLog } from '../../../src/infra/log/standardLog.ts';

const LINES_PER_TICK = 200;

const { logger, losses, flush } = standardLog({ level: 'info', replica: 'r1', clock: systemClock() });
const news = connect(Number(process.argv[2]), '127.0.0.1');
const text = '.'.repeat(900);
let logged = 0;

const tell = (more: object = {}) => {
  const { heapUsed, external } = process.memoryUsage();
  news.write(`${JSON.stringify({ logged, losses: losses(), heldBytes: heapUsed + external, ...more })}\n`);
};
const timer = setInterval(() => {
  for (let i = 0; i < LINES_PER_TICK; i++) logger.info('line', { n: logged++, text });
  tell();
}, 10);
news.once('close', () => process.exit(1));
news.once('data', async () => {
  clearInterval(timer);
  await flush(10_000);
  tell({ over: true });
  news.end(() => process.exit(0));
});
