/** The commands on a run: cancel and rerun. */
import type { Context } from 'hono';
import { cancelled, isCancelRequested } from '../../domain/runs/life.ts';
import { turnOf } from '../../domain/runs/outcome.ts';
import { manualRun, rerunOf } from '../../domain/runs/request.ts';
import { ENDED_STATES, isRunOf, type Run } from '../../domain/runs/run.ts';
import { parseNothing } from '../../domain/schedules/commands.ts';
import { short } from '../../domain/shared/text.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readCommand } from '../shared/body.ts';
import { present } from '../schedules/scheduleResponse.ts';
import { Problem } from '../shared/problem.ts';
import { runView } from '../shared/views.ts';
import { presentRun, runIdOf } from './runResponse.ts';

/** Compare-and-set retries under contention: a run changes with each attempt. */
const TRIES = 10;

export function runCommandRoutes(deps: RouteDeps): Route[] {
  const { store: { runs }, logger } = deps;

  async function cancel(c: Context): Promise<Response> {
    await readCommand(c, parseNothing);
    const id = runIdOf(c);
    for (let tries = 0; tries < TRIES; tries++) {
      const run = await presentRun(deps, id);
      if (hasEnded(run)) {
        throw new Problem(409, `run ${short(id, 256)} has ended already: it is ${run.state}`);
      }
      // A repeated request has no further effect.
      if (isCancelRequested(run)) return c.json(runView(run), 202);
      const [changed] = await runs.change([cancelled(run, 'requested', new Date(deps.serverNowMs()))]);
      if (changed === undefined) continue;
      if (!hasEnded(changed)) return c.json(runView(changed), 202);
      await passTurn(changed);
      return c.json(runView(changed), 200);
    }
    throw new Problem(409, `run ${short(id, 256)} is being changed concurrently; try again`);
  }

  /** The cancellation is stored: its response does not depend on this, which the leader does as well. */
  async function passTurn(ended: Run): Promise<void> {
    const turn = turnOf(ended);
    if (turn === null) return;
    await runs.passTurns([turn]).catch((error) => {
      logger.warn('after a cancellation, the next run could not be given its turn; the leader will', {
        error,
      });
    });
  }

  async function rerun(c: Context): Promise<Response> {
    await readCommand(c, parseNothing);
    const id = runIdOf(c);
    const ended = await presentRun(deps, id);
    if (!hasEnded(ended)) {
      throw new Problem(409, `run ${short(id, 256)} has not ended; wait for its end, or cancel it first`);
    }
    const run = await again(ended);
    if (run === null || !await runs.request(run)) {
      const of = JSON.stringify(ended.schedule_id);
      throw new Problem(409, `run ${short(id, 256)} can't be run again: its schedule ${of} was deleted`);
    }
    c.header('Location', `/runs/${run.id}`);
    return c.json({ run_ids: [run.id] }, 202);
  }

  /** With the action as it was then. What was not run has none: it gets the present one. Null without its schedule. */
  async function again(ended: Run): Promise<Run | null> {
    const tag = deps.random.uuid().slice(0, 8);
    if (ended.work !== null) return rerunOf(ended, deps.serverNowMs(), tag);
    const schedule = await deps.store.schedules.get(ended.schedule_id);
    if (schedule === null) return null;
    const known = present(ended.schedule_id, schedule);
    return isRunOf(ended, known) ? manualRun(known, deps.serverNowMs(), tag) : null;
  }

  return [
    {
      method: 'POST',
      path: '/runs/{id}/cancel',
      summary: 'cancel a run: it ends at once, or its attempt is aborted',
      handler: cancel,
    },
    {
      method: 'POST',
      path: '/runs/{id}/rerun',
      summary: 'run again what an ended run did',
      handler: rerun,
    },
  ];
}

function hasEnded({ state }: Run): boolean {
  return ENDED_STATES.includes(state);
}
