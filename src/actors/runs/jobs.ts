import { type Actor, createActor } from 'xstate';
import { isOwned, type OwnedRun, type Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { JobEvent, jobMachine } from './job.ts';
import type { ScheduleChange } from '../schedules/scheduleFeed.ts';
import type { runMachine } from './run.ts';
import { runsOf, type RunsOptions } from './runs.ts';

type Job = Actor<typeof jobMachine>;

/**
 * The live jobs by schedule, a root actor each, since the cost of children of one parent is quadratic
 * in their number. A job is created when its schedule falls due, and dropped when it is idle. The
 * pool outlives terms: claimed runs continue.
 */
export class JobPool {
  readonly #jobs = new Map<string, Job>();
  readonly #idleWaiters: (() => void)[] = [];
  readonly #machine: typeof jobMachine;
  readonly #options: RunsOptions;

  /** The machines with their slots filled, except the job's `runs`. */
  constructor(job: typeof jobMachine, run: typeof runMachine, options: RunsOptions) {
    this.#machine = job.provide({ actors: { runs: runsOf(run, options) } });
    this.#options = options;
  }

  /** Number of live jobs. */
  get size(): number {
    return this.#jobs.size;
  }

  /** The state of a live job; undefined for a virtual one. */
  stateOf(scheduleId: string): string | undefined {
    return this.#jobs.get(scheduleId)?.getSnapshot().value as string | undefined;
  }

  /** A claim of this schedule's occurrences is about to begin. */
  claiming(schedule: Schedule): void {
    const job = this.#jobs.get(schedule.id) ?? this.#make(schedule.id);
    job.send({ type: 'DUE' });
    job.send({ type: 'CLAIMING' });
  }

  /** The claim did not commit; the occurrences are still owed. */
  unclaimed(scheduleId: string): void {
    this.#send(scheduleId, { type: 'UNCLAIMED' });
  }

  /** The claim, begun at `oursSinceMs` (monotonic), is durable: of its runs those start now that are ours. */
  claimed(scheduleId: string, runs: readonly Run[], oursSinceMs: number): void {
    const ours = runs.filter((run) => run.state === 'claimed').filter(isOwned);
    this.#send(scheduleId, { type: 'CLAIMED', runs: ours, oursSinceMs });
  }

  /** The run is durably ours, taken at `oursSinceMs` (monotonic): it starts now, in every state of the job. */
  taken(run: OwnedRun, oursSinceMs: number): void {
    const job = this.#jobs.get(run.schedule_id) ?? this.#make(run.schedule_id);
    job.send({ type: 'TAKEN', runs: [run], oursSinceMs });
  }

  /** Aborts this attempt, if it is live. */
  cancel({ id, schedule_id, attempt }: Run): void {
    this.#send(schedule_id, { type: 'CANCEL', runId: id, attempt });
  }

  /** Whether any run is live. */
  hasRuns(): boolean {
    for (const job of this.#jobs.values()) if (job.getSnapshot().context.running > 0) return true;
    return false;
  }

  /** This replica no longer leads. */
  withdraw(): void {
    for (const job of [...this.#jobs.values()]) job.send({ type: 'WITHDRAWN' });
  }

  /** A schedule was changed or deleted. Its claimed runs continue. */
  changed(change: Extract<ScheduleChange, { kind: 'upsert' | 'delete' }>): void {
    if (change.kind === 'delete') this.#send(change.id, { type: 'PAUSED' });
    else this.#send(change.schedule.id, { type: change.schedule.paused ? 'PAUSED' : 'RESUMED' });
  }

  /** Resolves when no run is live. */
  async idle(): Promise<void> {
    if (this.#runs() === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Stops all jobs: aborts their attempts, and records no outcomes. */
  stop(): void {
    for (const job of this.#jobs.values()) job.stop();
    this.#jobs.clear();
  }

  #runs(): number {
    let runs = 0;
    for (const job of this.#jobs.values()) runs += job.getSnapshot().context.running;
    return runs;
  }

  #make(scheduleId: string): Job {
    const { clock, inspect } = this.#options;
    const job = createActor(this.#machine, {
      id: `job:${scheduleId}`,
      clock,
      input: { scheduleId },
      ...(inspect && { inspect }),
    });
    this.#jobs.set(scheduleId, job);
    job.start();
    job.subscribe((snapshot) => {
      if (snapshot.context.running > 0) return;
      if (snapshot.hasTag('passive')) this.#drop(scheduleId, job);
      if (this.#idleWaiters.length > 0 && this.#runs() === 0) {
        this.#idleWaiters.splice(0).forEach((resolve) => resolve());
      }
    });
    return job;
  }

  #drop(scheduleId: string, job: Job): void {
    if (this.#jobs.get(scheduleId) !== job) return;
    this.#jobs.delete(scheduleId);
    job.stop();
  }

  #send(scheduleId: string, event: JobEvent): void {
    this.#jobs.get(scheduleId)?.send(event);
  }
}
