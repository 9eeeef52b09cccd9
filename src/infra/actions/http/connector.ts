/**
 * Opens the connections of the `http` action, to checked addresses only. A host that is an address is checked as it
 * is; for any other the look-up's answers are, all of them, and the connection goes to one of these answers: there
 * is no second look-up, which could answer otherwise. Spellings that only a resolver reads as an address (0x7f.1,
 * 2130706433) are names here. Once open, a connection is not checked again.
 *
 * undici's own `connect.lookup` is no such filter: it is not called for addresses.
 */
import { lookup } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { Clock } from '../../../actors/shared/environment.ts';
import { addressProblem, type TargetRules } from './addresses.ts';
import { connectFailure, listed, lookupFailure } from './connectFailure.ts';
import { RequestFailure } from './failure.ts';
import { type Attempt, firstToConnect } from './race.ts';
import { whereOf } from './request.ts';

/** The addresses of a name, best first. Rejects for an unknown name. */
export type Resolve = (name: string) => Promise<string[]>;

export interface ConnectorOptions {
  targets: TargetRules;
  resolve: Resolve;
  clock: Clock;
  /** For look-up, connection and TLS handshake together, ms. */
  connectMs: number;
  /** Aborted when no connection is wanted any more. */
  closing: AbortSignal;
}

/** `open` is undici's connector without a time limit. */
export function checkedConnector(
  open: buildConnector.connector,
  { targets, resolve, clock, connectMs, closing }: ConnectorOptions,
): buildConnector.connector {
  async function connect(
    options: buildConnector.Options,
    where: string,
    signal: AbortSignal,
  ): Promise<Socket> {
    const host = bare(options.hostname);
    const addresses = await checkedAddresses(host, targets, resolve);
    // The certificate is for the name, not for the address. TLS has it without the dot at its end (RFC 6066).
    const servername = options.servername || (isIP(host) === 0 ? host.replace(/\.$/, '') : '');
    const attempt = (address: string) => attemptOf(open, { ...options, hostname: address, servername });
    try {
      return await firstToConnect(addresses, attempt, clock, signal);
    } catch (error) {
      throw error instanceof RequestFailure ? error : connectFailure(error, where, addresses);
    }
  }

  return (options, callback) => {
    const where = whereOf(options);
    const late = () =>
      new RequestFailure('timeout', `There was no connection to ${where} within ${connectMs} ms.`);
    within(connectMs, clock, closing, late, (signal) => connect(options, where, signal))
      .then((socket) => callback(null, socket), (error: Error) => callback(error, null));
  };
}

/** The resolver of this machine, as every other program uses it. */
export const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

async function checkedAddresses(host: string, targets: TargetRules, resolve: Resolve): Promise<string[]> {
  if (isIP(host) !== 0) {
    const problem = addressProblem(host, targets);
    if (problem !== null) throw new RequestFailure('refused_target', problem);
    return [host];
  }
  const addresses = await resolve(host).catch((error: unknown) => {
    throw lookupFailure(error, host);
  });
  if (addresses.length === 0) throw new RequestFailure('name', `The name ${host} has no address.`);
  for (const address of addresses) {
    const problem = addressProblem(address, targets);
    if (problem === null) continue;
    throw new RequestFailure('refused_target', `${host} resolves to ${listed(addresses)}. ${problem}`);
  }
  return [...new Set(addresses)];
}

/** undici returns the socket too, which its types don't say. It is only needed to stop an attempt early. */
function attemptOf(open: buildConnector.connector, options: buildConnector.Options): Attempt<Socket> {
  const sockets: (Socket | undefined)[] = [];
  let stopped = false;
  const connected = new Promise<Socket>((resolve, reject) => {
    const opening = open(options, (error, socket) => {
      if (error !== null) return reject(error);
      if (stopped) socket.destroy();
      sockets.push(socket);
      resolve(socket);
    });
    sockets.push(opening as Socket | undefined);
  });
  return {
    connected,
    stop() {
      stopped = true;
      for (const socket of sockets) socket?.destroy();
    },
  };
}

/** Aborts the work after that time, or at `closing`; it may go on in vain, but a late socket is destroyed. */
function within(
  limitMs: number,
  clock: Clock,
  closing: AbortSignal,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<Socket>,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const ending = new AbortController();
    const timer = clock.setTimeout(() => end(late()), limitMs);
    const closed = () => end(closing.reason as Error);
    function done(): void {
      clock.clearTimeout(timer);
      closing.removeEventListener('abort', closed);
    }
    function end(reason: Error): void {
      done();
      ending.abort(reason);
      reject(reason);
    }
    if (closing.aborted) return closed();
    closing.addEventListener('abort', closed, { once: true });
    work(ending.signal).finally(done).then(
      (socket) => ending.signal.aborted ? socket.destroy() : resolve(socket),
      reject,
    );
  });
}

function bare(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}
