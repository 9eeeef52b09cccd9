/** Cluster events, as sent to watchers. */
import type { LeaderChange } from '../leadership/lease.ts';
import type { SetBack } from '../leadership/setBack.ts';
import type { Term } from '../leadership/term.ts';
import type { Presence, PresenceChange, Replica, Transition } from '../membership/replica.ts';
import type { Run } from '../runs/run.ts';
import type { NotUnderstood, Schedule } from '../schedules/schedule.ts';

export type ClusterEvent =
  | ({ type: 'leader' } & LeaderChange)
  /** A term's record was written or changed. */
  | { type: 'leadership'; term: Term }
  /** `transitions`: only those that no earlier event carried. */
  | { type: 'replica'; change: PresenceChange; replica: Replica; transitions: Transition[] }
  /** `schedule`: its current state; null once deleted, also in events from before that. */
  | {
    type: 'schedule';
    change: 'created' | 'updated' | 'deleted';
    id: string;
    schedule: Schedule | NotUnderstood | null;
  }
  /** The server's clock was set back. */
  | { type: 'clock'; set_back: SetBack }
  /** A run has ended. */
  | { type: 'run'; run: Run };

export function replicaEvent({ change, news, transition_count: _, ...replica }: Presence): ClusterEvent {
  const transitions = news > 0 ? replica.transitions.slice(-news) : [];
  return { type: 'replica', change, replica, transitions };
}
