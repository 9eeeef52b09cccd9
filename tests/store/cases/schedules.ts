import assert from 'node:assert/strict';
import { BadCursor } from '../../../src/domain/cursor.ts';
import { listed } from '../../../src/domain/listing.ts';
import type { Schedule, ScheduleSpec } from '../../../src/domain/schedule.ts';
import { ChangeDeclined, type ScheduleQuery, StoreUnavailable } from '../../../src/actors/ports.ts';
import { create, interval, lead, LONG_MS, replace, SPEC, type Test } from '../support.ts';

export function scheduleCases(test: Test): void {
  test('stores what a client wrote, as it is, stamped by the server', async (store) => {
    const spec = {
      ...SPEC,
      name: '$name',
      description: '$$NOW',
      tags: { 'a.b': '$c', '$d': 'e' },
      start_at: new Date(5),
      end_at: new Date(10),
    };
    const created = await create(store, 'job', spec);
    const { id, revision, created_at, updated_at, effective_from, superseded, ...rest } = created;
    assert.deepEqual(rest, spec);
    assert.deepEqual({ id, revision, superseded }, { id: 'job', revision: 1, superseded: [] });
    assert.deepEqual([updated_at, effective_from], [created_at, created_at]);
    const { serverNowMs } = await store.lease.read();
    assert.ok(Math.abs(serverNowMs - created_at.getTime()) < 10_000);
    assert.deepEqual(await store.schedules.get('job'), created);
    assert.equal(await store.schedules.get('other'), null);
  });

  test('refuses an id that is taken', async (store) => {
    const created = await create(store, 'job');
    assert.equal(await store.schedules.create('job', interval('1s')), 'conflict');
    assert.deepEqual(await store.schedules.get('job'), created);
  });

  test('lists in pages, ordered by id', async (store) => {
    assert.deepEqual(await store.schedules.list({ limit: 2, cursor: null }, 0), {
      items: [],
      nextCursor: null,
    });
    assert.equal(await store.schedules.count({}), 0);
    for (const id of ['c', 'a', 'B', 'd', 'e-1']) await create(store, id);
    const ids: string[][] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof store.schedules.list>> = await store.schedules.list({
        limit: 2,
        cursor,
      }, 0);
      ids.push(page.items.map((item) => item.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(ids, [['B', 'a'], ['c', 'd'], ['e-1']]);
    assert.equal(await store.schedules.count({}), 5);
    await assert.rejects(store.schedules.list({ limit: 2, cursor: 'nonsense' }, 0), BadCursor);
  });

  test('replaces a definition and keeps what the old one may still owe', async (store) => {
    const spec = { ...SPEC, start_at: new Date(5), tags: { team: 'x' } };
    const first = await create(store, 'job', spec);
    const second = await replace(store, 'job', interval('2s'));
    const { id, revision, created_at, updated_at, effective_from, superseded, ...rest } = second;
    assert.deepEqual(rest, interval('2s'));
    assert.deepEqual({ id, revision, created_at }, { id: 'job', revision: 2, created_at: first.created_at });
    assert.ok(effective_from > first.effective_from);
    assert.deepEqual(updated_at, effective_from);
    const { type, definition, start_at } = spec;
    const old = {
      type,
      definition,
      start_at,
      revision: 1,
      from: first.effective_from,
      until: effective_from,
    };
    assert.deepEqual(superseded, [old]);

    const third = await replace(store, 'job', { ...interval('3s'), paused: true });
    const next = { ...interval('2s'), revision: 2, from: effective_from, until: third.effective_from };
    const { policy: _p, history: _h, action: _a, paused: _, ...timing } = next;
    assert.deepEqual(third.superseded, [old, timing]);

    const fourth = await replace(store, 'job', SPEC);
    assert.deepEqual(fourth.superseded, third.superseded, 'a paused definition owes nothing');
    assert.deepEqual(await store.schedules.get('job'), fourth);
  });

  test('forgets a superseded definition once the watermark has passed it', async (store) => {
    const { grant } = await lead(store, 'a');
    await create(store, 'job');
    const second = await replace(store, 'job', SPEC);
    const third = await replace(store, 'job', SPEC);
    assert.deepEqual(third.superseded.map((old) => old.revision), [1, 2]);
    const firstEndedMs = second.effective_from.getTime();
    await store.lease.renew(grant, LONG_MS, {
      claimedThroughMs: firstEndedMs - 1,
      mirroredThroughMs: firstEndedMs - 1,
    });
    assert.deepEqual((await replace(store, 'job', SPEC)).superseded.map((old) => old.revision), [1, 2, 3]);
    await store.lease.renew(grant, LONG_MS, {
      claimedThroughMs: firstEndedMs,
      mirroredThroughMs: firstEndedMs,
    });
    assert.deepEqual((await replace(store, 'job', SPEC)).superseded.map((old) => old.revision), [2, 3, 4]);
  });

  test('refuses a change that would pile up more than 50 superseded definitions', async (store) => {
    const { grant } = await lead(store, 'a');
    await create(store, 'job');
    for (let changes = 0; changes < 50; changes++) await replace(store, 'job', SPEC);
    await assert.rejects(store.schedules.replace('job', SPEC), (error) => {
      assert.ok(error instanceof ChangeDeclined && !(error instanceof StoreUnavailable));
      return /schedule job .* 50 times/.test(error.message);
    });
    assert.equal((await store.schedules.get('job'))?.revision, 51);
    const { serverNowMs } = await store.lease.read();
    await store.lease.renew(grant, LONG_MS, {
      claimedThroughMs: serverNowMs,
      mirroredThroughMs: serverNowMs,
    });
    assert.deepEqual((await replace(store, 'job', SPEC)).revision, 52);
  });

  test('changes nothing when another revision is stored, or none', async (store) => {
    await create(store, 'job');
    const second = await replace(store, 'job', SPEC);
    assert.equal(await store.schedules.replace('job', interval('1s'), 1), 'conflict');
    assert.equal(await store.schedules.remove('job', 1), 'conflict');
    assert.deepEqual(await store.schedules.get('job'), second);
    assert.equal(await store.schedules.replace('other', SPEC), null);
    assert.equal(await store.schedules.replace('other', SPEC, 1), null);
    assert.equal(await store.schedules.remove('other', 1), null);
    const third = await store.schedules.replace('job', SPEC, 2);
    assert.ok(third !== null && third !== 'conflict' && third.revision === 3);
    assert.deepEqual(await store.schedules.remove('job', 3), third);
    assert.equal(await store.schedules.get('job'), null);
    assert.equal(await store.schedules.remove('job'), null);
  });

  test('lists those that fit all that is asked for, with their number', async (store) => {
    await create(store, 'a', { ...SPEC, name: 'Nightly (report)', tags: { team: 'billing', 'a.b': '$x' } });
    await create(store, 'b', { ...interval('1s'), name: 'nightly', paused: true, tags: { team: 'ops' } });
    await create(store, 'nightly.c', { ...interval('1s'), name: 'c' });
    await create(store, 'd');
    const list = async (query: Partial<ScheduleQuery>) => {
      const { items, nextCursor } = await store.schedules.list({ limit: 9, cursor: null, ...query }, 0);
      assert.deepEqual([await store.schedules.count(query), nextCursor], [items.length, null]);
      return items.map(({ id }) => id);
    };
    assert.deepEqual(await list({ q: 'NIGHTly' }), ['a', 'b', 'nightly.c']);
    assert.deepEqual(await list({ q: 'y.c' }), ['nightly.c']);
    assert.deepEqual(await list({ q: 'y (r' }), ['a']);
    for (const q of ['.*', '^a', '[', '\\', '(?i)', 'ÿ', '😀']) assert.deepEqual(await list({ q }), [], q);
    assert.deepEqual(await list({ type: 'duration' }), ['b', 'nightly.c']);
    assert.deepEqual(await list({ type: 'duration', paused: false, q: 'nightly' }), ['nightly.c']);
    assert.deepEqual(await list({ tag: { key: 'team', value: 'billing' } }), ['a']);
    assert.deepEqual(await list({ tag: { key: 'a.b', value: '$x' } }), ['a']);
    for (const key of ['$team', 'toString', 'a', '__proto__']) {
      assert.deepEqual(await list({ tag: { key, value: 'billing' } }), [], key);
    }
    const first = await store.schedules.list({ limit: 2, cursor: null, q: 'nightly' }, 0);
    assert.deepEqual(first.items.map(({ id }) => id), ['a', 'b']);
    assert.equal(await store.schedules.count({ q: 'nightly' }), 3);
    const rest = await store.schedules.list({ limit: 2, cursor: first.nextCursor, q: 'nightly' }, 0);
    assert.deepEqual([rest.items.map(({ id }) => id), rest.nextCursor], [['nightly.c'], null]);
  });

  test('lists what the domain calls listed, summarised moments and no earlier definitions', async (store) => {
    const nowMs = (await store.lease.read()).serverNowMs;
    const at = (...offsetsMs: number[]) => ({
      type: 'at_times' as const,
      definition: { times: offsetsMs.map((ms) => new Date(nowMs + ms)) },
    });
    const hour = 3_600_000;
    const many = Array.from({ length: 10_000 }, (_, i) => (i - 5000.5) * 1000);
    const specs: Record<string, ScheduleSpec> = {
      past: { ...SPEC, ...at(-2 * hour, -hour) },
      mixed: { ...SPEC, ...at(-hour, hour, 2 * hour) },
      many: { ...SPEC, ...at(...many) },
      one: { ...SPEC, ...at(hour) },
      starts: { ...SPEC, ...at(hour, 2 * hour, 3 * hour), start_at: new Date(nowMs + 2 * hour) },
      ends: { ...SPEC, ...at(hour), end_at: new Date(nowMs + hour - 1) },
      endsWith: { ...SPEC, ...at(hour), end_at: new Date(nowMs + hour) },
      paused: { ...SPEC, ...at(hour), paused: true },
      cron: SPEC,
    };
    for (const [id, spec] of Object.entries(specs)) await create(store, id, spec);
    await replace(store, 'mixed', { ...SPEC, ...at(-hour, 2 * hour, 3 * hour) });
    for (const whenMs of [0, nowMs, nowMs + hour - 1, nowMs + hour, nowMs + 2 * hour, nowMs + 4 * hour]) {
      const { items } = await store.schedules.list({ limit: 20, cursor: null }, whenMs);
      const stored = await Promise.all(Object.keys(specs).sort().map((id) => store.schedules.get(id)));
      assert.deepEqual(items, stored.map((schedule) => listed(schedule as Schedule, whenMs)));
    }
  });

  test('keeps every one of many changes at once', async (store, connect) => {
    await create(store, 'job');
    const stores = [store, connect(), connect()];
    const changes = Array.from(
      { length: 30 },
      (_, i) => replace(stores[i % 3] as typeof store, 'job', interval(`${i + 1}s`)),
    );
    const revisions = (await Promise.all(changes)).map((schedule) => schedule.revision);
    assert.deepEqual(revisions.sort((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i + 2));
  });
}
