/** Every sequence of a few events that the scheduler can receive, checked against its invariants after each. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Grant } from '../../../src/domain/leadership/lease.ts';
import { type Run, runId } from '../../../src/domain/runs/run.ts';
import { A, ENDING, GRANT, LOST, mark, mirrored, running, T, won } from './schedulerSetup.ts';

/** What may come next, one way or the other; nothing, when it is about a claim and none is in flight. */
type Move = 'WON' | 'LOST' | 'ENDING' | 'due' | 'commits' | 'fenced' | 'fails' | 'ours' | 'owed';

const MOVES: Move[] = ['WON', 'LOST', 'ENDING', 'due', 'commits', 'fenced', 'fails', 'ours', 'owed'];

/** A scheduler that takes one move after the other, and what must be true of it. */
class Play {
  readonly it = running(A);
  grant: Grant | null = null;
  #term = 7;
  /** Whether it has yet to announce that it stood down. */
  #isAwaited = false;
  readonly #durable = new Set<string>();
  #answered = 0;
  #claimsSeen = 0;

  readonly #moves: Record<Move, () => Promise<void> | void> = {
    WON: () => {
      this.grant = { ...GRANT, term: ++this.#term };
      this.#isAwaited = false;
      this.it.send(won(mark(0), this.grant));
    },
    LOST: () => {
      this.grant = null;
      this.it.send(LOST);
    },
    ENDING: () => {
      this.grant = null;
      this.#isAwaited = true;
      this.it.send(ENDING);
    },
    due: async () => {
      await this.it.clock.advance(100);
      this.it.send(mirrored(this.it.clock.now() - T));
    },
    commits: () => {
      for (const run of this.#asked()) this.#durable.add(run.id);
      return this.#answer(() => this.it.commit());
    },
    fenced: () => {
      if (this.grant?.term === this.it.claim.last.input.grant.term) this.grant = null;
      return this.#answer(() => this.it.claim.last.answer({ kind: 'fenced' }));
    },
    fails: () =>
      this.#answer(() =>
        (this.it.machine.state === 'claiming' ? this.it.claim : this.it.resolve).last.fail()
      ),
    ours: () => {
      for (const run of this.#asked()) this.#durable.add(run.id);
      return this.#answer(() => this.it.resolve.last.answer(this.#asked()));
    },
    owed: () => this.#answer(() => this.it.resolve.last.answer([])),
  };

  /** False when the move does not apply. */
  async take(move: Move): Promise<boolean> {
    if (!this.#applies(move)) return false;
    await this.#moves[move]();
    return true;
  }

  #applies(move: Move): boolean {
    const { state } = this.it.machine;
    if (move === 'commits' || move === 'fenced') return state === 'claiming';
    if (move === 'ours' || move === 'owed') return state === 'resolving';
    return move !== 'fails' || this.#pending() > 0;
  }

  #pending(): number {
    return this.it.claim.list.length + this.it.resolve.list.length - this.#answered;
  }

  #asked(): Run[] {
    return this.it.claim.last.input.requests.flatMap(({ runs }) => runs);
  }

  async #answer(how: () => Promise<void>): Promise<void> {
    this.#answered++;
    await how();
  }

  /** `way`: the moves so far. */
  check(way: string): void {
    const { it, grant } = this;
    assert.ok(this.#pending() <= 1, `two claims in flight after ${way}`);
    assert.deepEqual(it.context().grant, grant, `it knows whether it leads, after ${way}`);
    const isInFlight = ['claiming', 'resolving', 'unresolved'].includes(it.machine.state);
    assert.equal(it.queue.taken.length > 0, isInFlight, `what is in flight is set aside, after ${way}`);
    const executed = it.execute.list.map(({ input }) => input.run.id);
    const durable = [...this.#durable].sort();
    assert.deepEqual(executed.toSorted(), durable, `what is durable is executed, after ${way}`);
    this.#checkClaims(way);
    const stoodDown = it.machine.heard().filter((type) => type === 'SCHEDULER.STOOD_DOWN').length;
    const isToStandDown = this.#isAwaited && !isInFlight;
    assert.equal(stoodDown, isToStandDown ? 1 : 0, `it stands down once, when all is settled: ${way}`);
    if (stoodDown > 0) this.#isAwaited = false;
  }

  /** Of the claims since the last check. */
  #checkClaims(way: string): void {
    const { list } = this.it.claim;
    for (const { input: batch } of list.slice(this.#claimsSeen)) {
      assert.deepEqual(batch.grant, this.grant, `a claim without a grant after ${way}`);
      const settled = new Set([...this.#durable, ...this.#asked().map((run) => run.id)]);
      const throughMs = batch.marks.settled.claimedThroughMs;
      for (let atMs = T + 100; atMs <= throughMs; atMs += 100) {
        assert.ok(settled.has(runId('a', new Date(atMs))), `the watermark is past what is owed after ${way}`);
      }
    }
    this.#claimsSeen = list.length;
  }
}

/** Plays the moves, and checks after each one. False when one of them does not apply. */
async function play(moves: readonly Move[]): Promise<boolean> {
  const played = new Play();
  for (const [step, move] of moves.entries()) {
    if (!await played.take(move)) return false;
    played.check(moves.slice(0, step + 1).join(', '));
  }
  return true;
}

/** Plays these moves, and everything that may follow them. */
async function playOn(moves: readonly Move[], more: number): Promise<void> {
  if (!await play(moves) || more === 0) return;
  for (const move of MOVES) await playOn([...moves, move], more - 1);
}

it('scheduler: keeps its invariants under every sequence of events', async () => {
  const starts: Move[][] = [['WON', 'due'], ['WON', 'due', 'fails']];
  for (const start of starts) await playOn(start, 3);
});
