import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../../../src/actors/store.ts';
import { manualRun } from '../../../src/domain/runs/run.ts';
import { memoryDatabase } from '../../../src/infra/memory/store.ts';
import { OrphanSearch } from '../../../src/slots/orphanSearch.ts';
import { create } from '../../store/support.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

/** A store in which so many requested runs are of schedules that the mirror does not have. */
async function given(count: number, schedules: number) {
  const clock = new SimClock();
  const store = memoryDatabase({ clock }).connect();
  await store.prepare();
  const strange = new Set(Array.from({ length: schedules }, (_, i) => `strange-${i}`));
  const made = await Promise.all([...strange].map((id) => create(store, id)));
  for (let i = 0; i < count; i++) {
    await store.runs.request(manualRun(made[i % schedules]!, clock.now(), `${i}`));
  }
  await clock.advance(1000);
  const sound = manualRun(await create(store, 'sound'), clock.now(), 'x');
  await store.runs.request(sound);
  return { store, sound, strange, search: new OrphanSearch(store) };
}

const ids = async (search: OrphanSearch, knows: (id: string) => boolean) => {
  const { orphans } = await search.orphans('me', knows);
  return orphans.map(({ id }) => id);
};

describe('the search for orphaned runs', () => {
  for (const [count, schedules] of [[600, 1], [600, 600], [5000, 1], [1900, 1900]] as const) {
    it(`finds one behind ${count} of ${schedules} schedules that the mirror does not have`, async () => {
      const { search, sound, strange } = await given(count, schedules);
      assert.deepEqual(await ids(search, (id) => !strange.has(id)), [sound.id]);
    });
  }

  it('finds one behind 5000 of as many schedules, a few pages with each search', async () => {
    const { search, sound, strange } = await given(5000, 5000);
    const knows = (id: string) => !strange.has(id);
    for (const expected of [[], [], [sound.id], [sound.id]]) {
      assert.deepEqual(await ids(search, knows), expected);
    }
  });

  it('finds what was passed over as soon as the mirror has its schedule', async () => {
    const { search, strange } = await given(600, 1);
    const knows = (id: string) => !strange.has(id);
    assert.equal((await ids(search, knows)).length, 1);
    strange.clear();
    assert.equal((await ids(search, knows)).length, 500);
  });

  it('finds what was passed over when its schedule is gone, and says so', async () => {
    const { search, store, strange } = await given(600, 2);
    const knows = (id: string) => !strange.has(id);
    assert.equal((await ids(search, knows)).length, 1);
    await store.schedules.remove('strange-1');
    const { orphans, gone } = await search.orphans('me', knows);
    assert.deepEqual([orphans.length, [...gone]], [301, ['strange-1']]);
  });

  it('asks for no more than four pages', async () => {
    const { store, strange } = await given(5000, 5000);
    let pages = 0;
    const counting: Pick<Store, 'runs' | 'schedules'> = {
      schedules: store.schedules,
      runs: {
        ...store.runs,
        orphans: (query) => {
          pages++;
          return store.runs.orphans(query);
        },
      },
    };
    await new OrphanSearch(counting).orphans('me', (id) => !strange.has(id));
    assert.equal(pages, 4);
  });
});
