/**
 * One replica's own way to a replica set: a TCP proxy to each member, so that this replica can be cut off
 * while the others, and the members among themselves, go on. It works on every system and without rights;
 * what it can't do is to part the members.
 */
import { type MongoSet, uriOf } from './mongoSet.ts';
import { type Passage, type Rewrite, TcpProxy } from './tcpProxy.ts';

/** Of the number that each message of MongoDB's protocol begins with. */
const LENGTH_BYTES = 4;

export class MongoRoute {
  readonly uri: string;
  readonly #proxies: readonly TcpProxy[];

  private constructor(proxies: readonly TcpProxy[]) {
    this.#proxies = proxies;
    this.uri = uriOf(proxies.map(({ port }) => `127.0.0.1:${port}`));
  }

  static async to(set: MongoSet): Promise<MongoRoute> {
    const replacements = new Map<string, string>();
    const rewrite = () => replaceAddresses(replacements)();
    const proxies = await Promise.all(set.members.map(({ port }) => TcpProxy.open(port, rewrite)));
    set.members.forEach(({ host }, i) => replacements.set(host, `127.0.0.1:${proxies[i]!.port}`));
    return new MongoRoute(proxies);
  }

  set(passage: Passage, delayMs = 0): void {
    for (const proxy of this.#proxies) proxy.set(passage, delayMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}

/**
 * A driver asks any member for the whole replica set, and then connects to the addresses that it is told. So
 * that it stays behind its proxies, these addresses are replaced in what members answer, in whole messages
 * (each begins with its length) and by addresses of the same length, so that nothing else has to change.
 */
function replaceAddresses(replacements: ReadonlyMap<string, string>): Rewrite {
  for (const [from, to] of replacements) {
    if (from.length !== to.length) throw new Error(`${to} is not as long as ${from}`);
  }
  return () => {
    let kept: Buffer = Buffer.alloc(0);
    return (chunk) => {
      kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
      const whole = wholeMessages(kept);
      const messages = kept.subarray(0, whole);
      kept = kept.subarray(whole);
      for (const [from, to] of replacements) replaceIn(messages, from, to);
      return messages;
    };
  };
}

/** How many bytes of it are whole messages. */
function wholeMessages(bytes: Buffer): number {
  let end = 0;
  while (bytes.length - end >= LENGTH_BYTES && bytes.length - end >= bytes.readInt32LE(end)) {
    end += bytes.readInt32LE(end);
  }
  return end;
}

function replaceIn(bytes: Buffer, from: string, to: string): void {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length)) bytes.write(to, at);
}
