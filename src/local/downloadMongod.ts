/**
 * Runs as a separate process, so that a download that takes too long can be killed:
 * `downloadMongod.ts DIR` prints the path.
 */
import { MongoBinary } from 'mongodb-memory-server-core';

const [downloadDir] = process.argv.slice(2);
if (!downloadDir) throw new Error('usage: downloadMongod.ts DIR');
console.log(await MongoBinary.getPath({ downloadDir }));
