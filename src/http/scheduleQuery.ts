import type { Context } from 'hono';
import type { ScheduleQuery } from '../actors/ports.ts';
import { readPage, wholeNumber } from './paging.ts';
import { Problem } from './problem.ts';

const TYPES = ['cron', 'at_times', 'duration'] as const;
const MAX_Q_LENGTH = 256;
const MAX_RECENT = 20;

/** Which schedules a list is asked for, and how many recent runs of each. */
export function readScheduleQuery(c: Context): { query: ScheduleQuery; recentRuns: number } {
  const page = readPage(c, ['q', 'type', 'tag', 'paused', 'recent']);
  const q = c.req.query('q');
  if (q !== undefined && q.length > MAX_Q_LENGTH) {
    throw new Problem(400, `q: has ${q.length} characters; at most ${MAX_Q_LENGTH} are looked for`);
  }
  // No id, name or tag can have one, and no store takes each of them in a search.
  for (const name of ['q', 'tag']) {
    if (/\p{Cc}/u.test(c.req.query(name) ?? '')) throw new Problem(400, `${name}: has a control character`);
  }
  const type = readType(c.req.query('type'));
  const tag = readTag(c.req.query('tag'));
  const paused = readPaused(c.req.query('paused'));
  const query = {
    ...page,
    ...(q && { q }),
    ...(type && { type }),
    ...(tag && { tag }),
    ...(paused !== undefined && { paused }),
  };
  return { query, recentRuns: wholeNumber('recent', c.req.query('recent') ?? '0', 0, MAX_RECENT) };
}

function readType(text: string | undefined): ScheduleQuery['type'] {
  const type = TYPES.find((known) => known === text);
  if (text !== undefined && type === undefined) {
    throw new Problem(400, `type: ${shown(text)} is not a type of schedule; there are ${TYPES.join(', ')}`);
  }
  return type;
}

function readTag(text: string | undefined): ScheduleQuery['tag'] {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new Problem(
      400,
      `tag: ${shown(text)} is not a tag; write its name and value, such as team:billing`,
    );
  }
  return { key: text.slice(0, colon), value: text.slice(colon + 1) };
}

function readPaused(text: string | undefined): boolean | undefined {
  if (text !== undefined && text !== 'true' && text !== 'false') {
    throw new Problem(400, `paused: ${shown(text)} is neither true nor false`);
  }
  return text === undefined ? undefined : text === 'true';
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
