import type { Clock } from '../../actors/shared/environment.ts';
import { probe, type ProbeResult } from './probe.ts';
import type { WatchedPeer } from './watch.ts';

/** Probes per check: enough to detect a round-robin balancer. */
const PROBES = 8;

const REMEDY =
  'Set ADDRESS to an address at which the others reach this replica, and only it: until then they ' +
  "can't watch it, and if its process dies as the leader, the takeover waits until its lease expires";

/**
 * Probes this replica's own address. Null when only this replica answers; else a sentence, which
 * stays the same while the problem does.
 */
export async function addressProblem(
  { address, boot }: WatchedPeer,
  clock: Clock,
  nameOf: (boot: string) => string | undefined,
): Promise<string | null> {
  const results: ProbeResult[] = [];
  for (let i = 0; i < PROBES; i++) results.push(await probe(address, clock));
  const problem = finding(results, boot, nameOf);
  return problem === null ? null : `ADDRESS is ${address}: ${problem}. ${REMEDY}`;
}

function finding(
  results: readonly ProbeResult[],
  me: string,
  nameOf: (boot: string) => string | undefined,
): string | null {
  const boots = new Set(results.flatMap((result) => result.kind === 'process' ? [result.boot] : []));
  const isMine = boots.has(me);
  if (boots.size > 1) return 'several replicas answer at that address, as behind a load balancer';
  const other = results.find(({ kind }) => kind === 'other');
  if (isMine) {
    return other ? 'another program answers at that address as well, as behind a load balancer' : null;
  }
  const [boot] = boots;
  if (boot !== undefined) return `another replica answers at that address${named(nameOf(boot))}`;
  if (other?.kind === 'other') return `another program answers at that address (HTTP ${other.status})`;
  const [last] = results.slice(-1);
  return `this replica can't reach itself at that address (${
    last !== undefined && 'why' in last ? last.why : 'no answer'
  })`;
}

function named(id: string | undefined): string {
  return id === undefined ? '' : `, ${id}`;
}
