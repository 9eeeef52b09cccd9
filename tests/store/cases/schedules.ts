import assert from 'node:assert/strict';
import { BadCursor } from '../../../src/domain/shared/cursor.ts';
import { listed } from '../../../src/domain/schedules/listing.ts';
import type { ScheduleSpec } from '../../../src/domain/schedules/schedule.ts';
import type { ScheduleQuery } from '../../../src/actors/schedules/scheduleStore.ts';
import { ChangeDeclined, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { understood } from '../../support/schedules.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { another, create, lead, LONG_MS, replace, SPEC, type Test } from '../support.ts';

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
    const { id, revision, timing_revision, superseded, created_at, ...more } = created;
    const { updated_at, effective_from, written_at, ...rest } = more;
    assert.deepEqual(rest, spec);
    assert.deepEqual({ id, revision, timing_revision, superseded }, {
      ...{ id: 'job', revision: 1, timing_revision: 1, superseded: [] },
    });
    assert.deepEqual([updated_at, effective_from, written_at], [created_at, created_at, created_at]);
    const { serverNowMs } = await store.lease.read();
    assert.ok(Math.abs(serverNowMs - created_at.getTime()) < 10_000);
    assert.deepEqual(await store.schedules.get('job'), created);
    assert.equal(await store.schedules.get('other'), null);
  });

  test('refuses an id that is taken', async (store) => {
    const created = await create(store, 'job');
    assert.equal(await store.schedules.create('job', everySpec('1s')), 'conflict');
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
    const second = await replace(store, 'job', everySpec('2s'));
    const { id, revision, timing_revision, created_at, superseded, ...more } = second;
    const { updated_at, effective_from, written_at, ...rest } = more;
    assert.deepEqual(rest, everySpec('2s'));
    assert.equal(timing_revision, 2);
    assert.deepEqual({ id, revision, created_at }, { id: 'job', revision: 2, created_at: first.created_at });
    assert.ok(effective_from > first.effective_from);
    assert.deepEqual([updated_at, written_at], [effective_from, effective_from]);
    const { type, definition, start_at } = spec;
    const old = {
      type,
      definition,
      start_at,
      revision: 1,
      from: first.effective_from,
      until: effective_from,
      written_at: first.written_at,
    };
    assert.deepEqual(superseded, [old]);

    const third = await replace(store, 'job', { ...everySpec('3s'), paused: true });
    const next = {
      ...everySpec('2s'),
      revision: 2,
      from: effective_from,
      until: third.effective_from,
      written_at,
    };
    const { policy: _p, history: _h, action: _a, paused: _, ...timing } = next;
    assert.deepEqual(third.superseded, [old, timing]);

    const fourth = await replace(store, 'job', SPEC);
    assert.deepEqual(fourth.superseded, third.superseded, 'a paused definition owes nothing');
    assert.deepEqual(await store.schedules.get('job'), fourth);
  });

  test('forgets a superseded definition once the watermark has passed it', async (store) => {
    const { grant } = await lead(store, 'a');
    await create(store, 'job');
    const second = await replace(store, 'job', another());
    const third = await replace(store, 'job', another());
    assert.deepEqual(third.superseded.map((old) => old.revision), [1, 2]);
    const firstEndedMs = second.effective_from.getTime();
    await store.lease.renew(grant, LONG_MS, {
      claimedThroughMs: firstEndedMs - 1,
      mirroredThroughMs: firstEndedMs - 1,
    });
    assert.deepEqual((await replace(store, 'job', another())).superseded.map((old) => old.revision), [
      1,
      2,
      3,
    ]);
    await store.lease.renew(grant, LONG_MS, {
      claimedThroughMs: firstEndedMs,
      mirroredThroughMs: firstEndedMs,
    });
    assert.deepEqual((await replace(store, 'job', another())).superseded.map((old) => old.revision), [
      2,
      3,
      4,
    ]);
  });

  test('refuses a change that would pile up more than 50 superseded definitions', async (store) => {
    const { grant } = await lead(store, 'a');
    await create(store, 'job');
    for (let changes = 0; changes < 50; changes++) await replace(store, 'job', another());
    await assert.rejects(store.schedules.replace('job', another()), (error) => {
      assert.ok(error instanceof ChangeDeclined && !(error instanceof StoreUnavailable));
      return /schedule job .* 50 times/.test(error.message);
    });
    assert.equal(understood(await store.schedules.get('job')).revision, 51);
    const { serverNowMs } = await store.lease.read();
    await store.lease.renew(grant, LONG_MS, {
      claimedThroughMs: serverNowMs,
      mirroredThroughMs: serverNowMs,
    });
    assert.deepEqual((await replace(store, 'job', another())).revision, 52);
  });

  test('changes nothing when another revision is stored, or none', async (store) => {
    await create(store, 'job');
    const second = await replace(store, 'job', another());
    assert.equal(await store.schedules.replace('job', everySpec('1s'), 1), 'conflict');
    assert.equal(await store.schedules.remove('job', 1), 'conflict');
    assert.deepEqual(await store.schedules.get('job'), second);
    assert.equal(await store.schedules.replace('other', SPEC), null);
    assert.equal(await store.schedules.replace('other', SPEC, 1), null);
    assert.equal(await store.schedules.remove('other', 1), null);
    const third = understood(await store.schedules.replace('job', SPEC, 2));
    assert.equal(third.revision, 3);
    assert.deepEqual(await store.schedules.remove('job', 3), third);
    assert.equal(await store.schedules.get('job'), null);
    assert.equal(await store.schedules.remove('job'), null);
  });

  test('supersedes nothing by a change of anything but the timing (G4)', async (store) => {
    const first = await create(store, 'job', { ...everySpec('1m'), name: 'one' });
    const renamed = await replace(store, 'job', { ...everySpec('60s'), name: 'two', tags: { team: 'x' } });
    assert.deepEqual([renamed.revision, renamed.timing_revision, renamed.name], [2, 1, 'two']);
    assert.deepEqual(renamed.effective_from, first.effective_from);
    assert.deepEqual(renamed.superseded, []);
    const policy = { ...SPEC.policy, catch_up: 'latest' as const };
    const third = await replace(store, 'job', { ...everySpec('60s'), name: 'two', policy });
    assert.deepEqual([third.revision, third.effective_from], [3, first.effective_from]);
    const fourth = await replace(store, 'job', { ...everySpec('61s'), name: 'two', policy });
    assert.deepEqual([fourth.revision, fourth.timing_revision], [4, 4]);
    assert.deepEqual(fourth.superseded.map(({ revision, from, until }) => [revision, from, until]), [
      [1, first.effective_from, fourth.effective_from],
    ]);
    const again = await replace(store, 'job', { ...everySpec('61s'), name: 'three', policy });
    assert.deepEqual([again.revision, again.superseded], [5, fourth.superseded]);
  });

  test('makes no revision of what changes nothing, in any order of its fields', async (store, connect) => {
    const spec = { ...everySpec('1m'), name: 'one', tags: { a: '1', b: '2' }, start_at: new Date(5) };
    const first = await create(store, 'job', spec);
    const puts = Array.from(
      { length: 20 },
      () => replace(connect(), 'job', { ...structuredClone(spec), tags: { b: '2', a: '1' } }),
    );
    for (const stored of await Promise.all(puts)) assert.deepEqual(stored, first);
    assert.equal(await store.schedules.replace('job', spec, 2), 'conflict');
  });

  test('lists those that fit all that is asked for, with their number', async (store) => {
    await create(store, 'a', { ...SPEC, name: 'Nightly (report)', tags: { team: 'billing', 'a.b': '$x' } });
    await create(store, 'b', { ...everySpec('1s'), name: 'nightly', paused: true, tags: { team: 'ops' } });
    await create(store, 'nightly.c', { ...everySpec('1s'), name: 'c' });
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
    const billing = { key: 'team', value: 'billing' };
    const dotted = { key: 'a.b', value: '$x' };
    for (const tags of [[billing], [dotted], [dotted, billing], [billing, billing]]) {
      assert.deepEqual(await list({ tags }), ['a']);
    }
    assert.deepEqual(await list({ tags: [billing, { ...billing, value: 'ops' }] }), [], 'all of them');
    assert.deepEqual(await list({ tags: [] }), ['a', 'b', 'd', 'nightly.c']);
    for (const key of ['$team', 'toString', 'a', '__proto__']) {
      assert.deepEqual(await list({ tags: [{ key, value: 'billing' }] }), [], key);
    }
    const first = await store.schedules.list({ limit: 2, cursor: null, q: 'nightly' }, 0);
    assert.deepEqual(first.items.map(({ id }) => id), ['a', 'b']);
    assert.equal(await store.schedules.count({ q: 'nightly' }), 3);
    const rest = await store.schedules.list({ limit: 2, cursor: first.nextCursor, q: 'nightly' }, 0);
    assert.deepEqual([rest.items.map(({ id }) => id), rest.nextCursor], [['nightly.c'], null]);
  });

  test('lists a schedule as paused until its pause ends by itself', async (store) => {
    const { serverNowMs } = await store.lease.read();
    const pausedFor = (ms: number) => ({ ...SPEC, paused: true, pause_until: new Date(serverNowMs + ms) });
    await create(store, 'for ever', { ...SPEC, paused: true });
    await create(store, 'an hour', pausedFor(3_600_000));
    await create(store, 'over', pausedFor(-1000));
    await create(store, 'active');
    const list = async (paused: boolean) => {
      const { items } = await store.schedules.list({ limit: 9, cursor: null, paused }, serverNowMs);
      assert.equal(await store.schedules.count({ paused }), items.length);
      return items.map(({ id }) => id);
    };
    assert.deepEqual(await list(true), ['an hour', 'for ever']);
    assert.deepEqual(await list(false), ['active', 'over']);
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
      assert.deepEqual(items, stored.map((schedule) => listed(understood(schedule), whenMs)));
    }
  });

  test('knows letters of any alphabet in any case', async (store) => {
    const names = ['ΟΔΟΣ', 'Straße', 'İstanbul', 'ДОМ', 'ſharp', '5 K', 'é'.normalize('NFD')];
    for (const [i, name] of names.entries()) await create(store, `${i}`, { ...SPEC, name });
    const found: Record<string, string[]> = {};
    const parts = ['οδος', 'οδοσ', 'STRASSE', 'STRAßE', 'i̇', 'istanbul', 'дом', 'Sharp', '5 k', 'é', '😀'];
    for (const q of parts) {
      found[q] = (await store.schedules.list({ limit: 9, cursor: null, q }, 0)).items.map(({ id }) => id);
    }
    assert.deepEqual(found, {
      ...{ 'οδος': ['0'], 'οδοσ': ['0'], 'STRASSE': [], 'STRAßE': ['1'], 'i̇': [], 'istanbul': [] },
      ...{ 'дом': ['3'], 'Sharp': ['4'], '5 k': ['5'], 'é': [], '😀': [] },
    });
  });

  test('keeps tags of every name, through changes too', async (store) => {
    const names = [
      '$set',
      '$$NOW',
      'a.b',
      '.',
      '$',
      '0',
      '1',
      '_id',
      'constructor',
      'toString',
      'x'.repeat(128),
      '😀',
    ];
    const tags = Object.fromEntries(names.map((name) => [name, `$${name}`]));
    await create(store, 'job', { ...SPEC, tags, name: '$name', description: '$$ROOT' });
    const changed = await replace(store, 'job', { ...SPEC, tags: { ...tags, '0': 'x' }, name: '$$REMOVE' });
    assert.deepEqual(changed.tags, { ...tags, '0': 'x' });
    assert.deepEqual(understood(await store.schedules.get('job')).tags, { ...tags, '0': 'x' });
    assert.equal(changed.name, '$$REMOVE');
    for (const key of names) {
      const value = key === '0' ? 'x' : `$${key}`;
      assert.equal(await store.schedules.count({ tags: [{ key, value }] }), 1, key);
    }
  });

  test('keeps every one of many changes at once', async (store, connect) => {
    await create(store, 'job');
    const stores = [store, connect(), connect()];
    const changes = Array.from(
      { length: 30 },
      (_, i) => replace(stores[i % 3] as typeof store, 'job', everySpec(`${i + 1}s`)),
    );
    const revisions = (await Promise.all(changes)).map((schedule) => schedule.revision);
    assert.deepEqual(revisions.sort((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i + 2));
  });
}
