/**
 * One replica's route to a MongoDB replica set: a TCP proxy for each member, so that this replica can be
 * partitioned from the set while the other replicas, and the members among themselves, stay connected. Works
 * on every system without privileges; it can't partition the members.
 */
import { type MongoSet, uriOf } from './mongoSet.ts';
import { type ProxyMode, type Rewrite, TcpProxy } from './tcpProxy.ts';

/** Size of the length field at the start of each message of MongoDB's protocol. */
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

  set(mode: ProxyMode, delayMs = 0): void {
    for (const proxy of this.#proxies) proxy.set(mode, delayMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}

/**
 * A driver asks any member for the addresses of all members, and connects to those. To keep it behind the
 * proxies, the members' addresses are replaced in their answers: in whole messages, and by addresses of the
 * same length, so that no length field changes.
 */
function replaceAddresses(replacements: ReadonlyMap<string, string>): Rewrite {
  for (const [from, to] of replacements) {
    if (from.length !== to.length) throw new Error(`${to} is not as long as ${from}`);
  }
  return () => {
    let pending: Buffer = Buffer.alloc(0);
    return (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const whole = wholeMessages(pending);
      const messages = pending.subarray(0, whole);
      pending = pending.subarray(whole);
      for (const [from, to] of replacements) replaceIn(messages, from, to);
      return messages;
    };
  };
}

/** How many bytes are whole messages. */
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
