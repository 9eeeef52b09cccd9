/** Every sequence of a few events that the election can receive. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Walk } from '../../support/machines/walk.ts';
import { ASKED, candidate, FREE, GOT, HELD, HINT, RENEWED } from './electionSetup.ts';

const YES: Record<string, unknown> = { read: FREE, acquire: GOT, renew: RENEWED, release: true };
const NO: Record<string, unknown> = { read: HELD, acquire: null, renew: null, release: false };

/** What comes next: an event, or the answer to what is asked at the moment. Null when nothing is. */
function next(it: Walk, what: string): Walk | null {
  const src = it.underWay.find((name) => name in YES);
  if (what === 'HINT') return it.on(HINT);
  if (what === 'FENCED') return it.on({ type: 'SCHEDULER.FENCED', term: 8 });
  if (what === what.toUpperCase()) return it.on({ type: what });
  if (what === 'later') return it.after('nextRenewal');
  if (src === undefined) return null;
  if (what === 'asked') return src === 'renew' ? it.answers(src, ASKED) : null;
  return what === 'fails' ? it.fails(src) : it.answers(src, (what === 'yes' ? YES : NO)[src]);
}

it('election: a term that began ends once, and before the next one, whatever comes in whatever order', () => {
  const all = ['HINT', 'STOP', 'TRUST.OVER', 'FENCED', 'SCHEDULER.STOOD_DOWN', 'fails', 'yes', 'no', 'asked'];
  const rows = all.flatMap((a) => all.flatMap((b) => all.map((c) => [a, b, c])));
  const starts = [['yes'], ['yes', 'TRUST.OVER', 'yes', 'yes'], ['yes', 'later', 'asked']];
  for (const start of starts) {
    for (const row of rows) {
      const it = candidate();
      let open = 0;
      let trusted = false;
      for (const what of [...start, ...row]) {
        if (it.state === 'stopped' || next(it, what) === null) break;
        for (const deed of it.does) {
          if (deed === 'endTrust') trusted = false;
          if (deed[0] === 'began') {
            open++;
            trusted = true;
          }
          if (deed[0] === 'ended') open--;
          assert.ok(open === 0 || open === 1, `${row}`);
        }
        const leads = /^(leader|resigning)/.test(it.state) && it.state !== 'resigning.handingOver';
        assert.deepEqual([open, trusted], [leads ? 1 : 0, leads], `${start}, ${row}: ${it.state}`);
      }
    }
  }
});
