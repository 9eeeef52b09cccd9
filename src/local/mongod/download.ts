/**
 * `download.ts DIR` downloads a mongod and prints its path. A process of its own, so that a download that
 * takes too long can be killed.
 */
import { MongoBinary } from 'mongodb-memory-server-core';

const [downloadDir] = process.argv.slice(2);
if (!downloadDir) throw new Error('usage: download.ts DIR');
console.log(await MongoBinary.getPath({ downloadDir }));
