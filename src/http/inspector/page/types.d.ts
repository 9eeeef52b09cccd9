/** The shapes of the API, as the page reads them: times are RFC 3339 strings. */

export type Time = string;

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
  /** Null, and missing, of versions that don't tell. */
  lease_timing?: { duration_ms: number; retry_ms: number; margin_ms: number } | null;
  warnings?: string[];
}

export interface Cluster {
  leader: string | null;
  term: number;
  watermark: Time;
  now: Time;
  /** Of all replicas, as they were when this was read. */
  warnings?: string[];
  replicas: Replica[];
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
  scheduled_for: Time;
  trigger: string;
  state: string;
  reason: string | null;
  attempt: number;
  executor: string;
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

export type RecentRun = Pick<Run, 'id' | 'scheduled_for' | 'state' | 'lateness_ms'>;

export interface TimesSummary {
  count: number;
  first: Time;
  last: Time;
  next: Time | null;
}

export interface Schedule {
  id: string;
  /** Why the replica's version does not understand it; then there is nothing else but the id. */
  not_understood?: string;
  revision: number;
  name?: string;
  description?: string;
  tags?: Record<string, string>;
  type: string;
  definition: {
    cron_expression?: string;
    timezone?: string;
    /** In lists and events a summary. */
    times?: Time[] | TimesSummary;
    interval?: string;
    anchor?: Time;
  };
  start_at?: Time;
  end_at?: Time;
  paused: boolean;
  pause_reason?: string;
  action: { type: string };
  policy: Record<string, unknown>;
  history: { success: string; failure: string };
  created_at: Time;
  updated_at: Time;
  next_fire_at: Time | null;
  completed?: boolean;
  last_run?: Run | null;
  recent_runs?: RecentRun[];
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
  /** Grows by one with each. */
  seq: number;
  type: 'leader' | 'leadership' | 'replica' | 'schedule' | 'run';
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
