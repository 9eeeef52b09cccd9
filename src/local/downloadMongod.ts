/**
 * Run as a process of its own, so that a download which takes too long can be ended: `downloadMongod.ts DIR`
 * prints the path.
 */
import { MongoBinary } from 'mongodb-memory-server-core';

const [downloadDir] = process.argv.slice(2);
if (!downloadDir) throw new Error('usage: downloadMongod.ts DIR');
console.log(await MongoBinary.getPath({ downloadDir }));
