/** What the scheduler does when the server's clock is set back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changed, every } from '../../support/schedules.ts';
import { asks, deleted, leading, mark, running, T, upsert, won } from './schedulerSetup.ts';

describe("a server's clock that is set back while a replica leads", () => {
  const SLOW = every(500, T, { id: 'a' });

  async function afterASecond() {
    const it = leading(SLOW);
    for (const ms of [500, 500]) {
      await it.advance(ms);
      await it.commit();
    }
    await it.advance(50);
    it.seen(it.mark());
    return it;
  }

  it('has what is made after that count from itself, by the clock as it is now', async () => {
    const it = await afterASecond();
    it.tests.skewMs = -1000;
    const later = { written_at: new Date(T + 1060) };
    it.send(upsert(every(20, T + 55, { id: 'new', ...later })));
    it.send(upsert(changed(SLOW, 30, T + 60, { ...later, superseded: [] })));
    await it.clock.advance(40);
    await it.commit();
    const [first, second] = it.claim.list.slice(-2).map(({ input }) => input);
    assert.deepEqual([first, second].map((batch) => batch && asks(batch)), [{ new: [75] }, { a: [90] }]);
    assert.equal(second?.mayBeClaimed, true, 'we may have claimed it by the clock as it was');
  });

  it('claims nothing again that was settled, and goes on when the clock has made up for it', async () => {
    const it = await afterASecond();
    it.tests.skewMs = -1000;
    await it.advance(1440);
    assert.equal(it.claim.list.length, 2);
    await it.advance(20);
    assert.deepEqual(asks(it.claim.last.input), { a: [1500] });
  });

  it('begins its term again at the moment at which it finds that, once and for all', async () => {
    const it = running();
    it.send(won(mark(5000), undefined, 5000));
    const trigger = async (id: string, fromMs: number) => {
      it.send(upsert(every(100, T + fromMs, { id, written_at: new Date(T + 9000) })));
      await it.clock.advance(100);
      const [run] = it.claim.last.input.requests.flatMap(({ runs }) => runs);
      await it.commit();
      it.send(deleted(id));
      return run?.trigger;
    };
    assert.equal(await trigger('x', 0), 'schedule', 'it is 5 s before the term began');
    it.tests.skewMs = 4000;
    assert.equal(await trigger('y', 4100), 'schedule', 'and does not begin once more');
  });

  it('counts a clock that is a little behind for what it is', async () => {
    const it = running();
    it.send(won(mark(0), undefined, 900));
    it.send(upsert(every(100, T, { id: 'x', written_at: new Date(T + 10) })));
    await it.clock.advance(100);
    assert.equal(it.claim.last.input.requests[0]?.runs[0]?.trigger, 'catch_up');
  });
});
