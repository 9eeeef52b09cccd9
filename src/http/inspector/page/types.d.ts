/** The shapes of the API, as the page reads them: times are RFC 3339 strings. */

export type Time = string;

/** Replaces a schedule or a run that this version does not understand; the reason is a part of a sentence. */
export interface NotUnderstood {
  id: string;
  not_understood: string;
}

export interface Transition {
  at: Time;
  from: string;
  to: string;
  by: string | null;
}

export interface Replica {
  id: string;
  boot: string;
  role: string;
  address: string;
  version: string;
  started_at: Time;
  last_seen: Time;
  lost_at: Time | null;
  transitions: Transition[];
  /** Null or missing for versions that don't report it. */
  /** As of the last heartbeat. */
  places?: { used: number; max: number } | null;
  lease_timing?: { duration_ms: number; retry_ms: number; margin_ms: number } | null;
  warnings?: string[];
}

export interface Cluster {
  leader: string | null;
  term: number;
  watermark: Time;
  now: Time;
  /** Missing for versions that don't report it. */
  clock?: {
    /** The latest set-back of the database's clock. */
    set_back: SetBack | null;
    /** How far the clock is behind its latest time so far; 0 when it is not. */
    behind_ms: number;
  };
  /** The answering replica. */
  inspected_by?: string;
  /** Of all replicas, at the time of the read. */
  warnings?: string[];
  replicas: Replica[];
}

export interface SetBack {
  from: Time;
  to: Time;
}

export interface Term {
  term: number;
  replica: string;
  boot: string;
  began_at: Time;
  began_by: string;
  ended_at: Time | null;
  ended_by: string | null;
  gap_ms: number | null;
}

export interface Run {
  id: string;
  schedule_id: string;
  /**
   * Belongs to an earlier schedule of that id when it differs from the schedule's; null for older
   * versions.
   */
  schedule_created_at?: Time | null;
  scheduled_for: Time;
  trigger: string;
  state: string;
  reason: string | null;
  attempt: number;
  /** Null while no executor has it. */
  executor: string | null;
  // The next ones are missing for versions that don't report them.
  /** No attempt begins before this. */
  available_at?: Time;
  /** What an open run without an executor waits for. */
  waiting_for?: string | null;
  /** How it overlaps with other runs of its schedule; null for any way. */
  overlap?: string | null;
  max_attempts?: number;
  /** The newest ended attempts, oldest first. */
  attempts?: Attempt[];
  term: number;
  claimed_at: Time;
  started_at: Time | null;
  finished_at: Time | null;
  lateness_ms: number;
  error: string | null;
  output: string | null;
  count?: number;
  since?: Time;
}

export interface Attempt {
  number: number;
  executor: string;
  /** Null when the executor was lost before it reported a start. */
  started_at: Time | null;
  finished_at: Time;
  state: string;
  error: string | null;
}

export interface Backfill {
  id: string;
  schedule_id: string;
  from: Time;
  to: Time;
  max_concurrent: number;
  state: string;
  progress: { total: number; created: number; already_run: number; open: number; ended: number };
}

export type RecentRun = Pick<Run, 'id' | 'scheduled_for' | 'state' | 'lateness_ms'>;

export interface TimesSummary {
  count: number;
  first: Time;
  last: Time;
  next: Time | null;
}

export interface Schedule {
  id: string;
  revision: number;
  name?: string;
  description?: string;
  tags?: Record<string, string>;
  type: string;
  definition: {
    cron_expression?: string;
    timezone?: string;
    /** A summary in lists and events. */
    times?: Time[] | TimesSummary;
    interval?: string;
    anchor?: Time;
  };
  start_at?: Time;
  end_at?: Time;
  paused: boolean;
  pause_reason?: string;
  pause_until?: Time;
  jitter?: string;
  max_runs?: number;
  delete_after?: string;
  action: { type: string; method?: string; url?: string; takes?: string; fails?: number };
  policy: Record<string, unknown>;
  history: { success: string; failure: string };
  created_at: Time;
  updated_at: Time;
  /** Null also while it is paused. */
  next_fire_at: Time | null;
  /** It has no future occurrence, and would have none after a resume. */
  completed?: boolean;
  last_run?: Run | null;
  recent_runs?: (RecentRun | NotUnderstood)[];
}

export interface Occurrence {
  at: Time;
  local: string;
  zone: string;
}

export interface FieldProblem {
  pointer: string;
  detail: string;
}

/** One entry of the event log. */
export interface LogEntry {
  /** Increases by one with each entry. */
  seq: number;
  type: 'leader' | 'leadership' | 'replica' | 'schedule' | 'clock' | 'run';
  /** When it happened, epoch ms on the server's clock. */
  atMs: number;
  // deno-lint-ignore no-explicit-any
  data: any;
}

export interface ChartNode {
  id: string;
  label: string;
  parent: string | null;
  compound: boolean;
  initial: boolean;
  final: boolean;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface ChartEdge {
  from: string;
  to: string;
  labels: string[];
  types?: string[];
  path: string;
  at: { x: number; y: number } | null;
}

export interface Chart {
  width: number;
  height: number;
  nodes: ChartNode[];
  edges: ChartEdge[];
}
