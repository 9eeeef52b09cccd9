import type { Clock } from '../../actors/shared/environment.ts';
import { probe, type ProbeResult } from './probe.ts';
import type { WatchedPeer } from './watch.ts';

/** Probes per check: enough to expose a round-robin balancer. */
const ASKS = 8;

const REMEDY =
  "Set ADDRESS to one at which the others reach this replica alone: until then they can't watch it, " +
  'and when its process dies as the leader, the takeover waits until its lease is over';

/**
 * Probes this replica's own address. Null when only this replica answers; else a sentence, which
 * stays the same while the problem does.
 */
export async function addressProblem(
  { address, boot }: WatchedPeer,
  clock: Clock,
  nameOf: (boot: string) => string | undefined,
): Promise<string | null> {
  const answers: ProbeResult[] = [];
  for (let i = 0; i < ASKS; i++) answers.push(await probe(address, clock));
  const what = finding(answers, boot, nameOf);
  return what === null ? null : `ADDRESS is ${address}: ${what}. ${REMEDY}`;
}

function finding(
  answers: readonly ProbeResult[],
  me: string,
  nameOf: (boot: string) => string | undefined,
): string | null {
  const boots = new Set(answers.flatMap((answer) => answer.kind === 'process' ? [answer.boot] : []));
  const isMine = boots.has(me);
  if (boots.size > 1) return 'several replicas answer there, as behind a load balancer';
  const other = answers.find(({ kind }) => kind === 'other');
  if (isMine) return other ? 'another program answers there as well, as behind a load balancer' : null;
  const [boot] = boots;
  if (boot !== undefined) return `another replica answers there${named(nameOf(boot))}`;
  if (other?.kind === 'other') return `another program answers there (HTTP ${other.status})`;
  const [last] = answers.slice(-1);
  return `this replica can't reach itself there (${
    last !== undefined && 'why' in last ? last.why : 'no answer'
  })`;
}

function named(id: string | undefined): string {
  return id === undefined ? '' : `, ${id}`;
}
