import type { Context } from 'hono';
import type { ScheduleQuery } from '../../actors/schedules/scheduleStore.ts';
import { SCHEDULE_KEY } from '../../domain/shared/cursor.ts';
import { MAX_TAGS } from '../../domain/schedules/specFields.ts';
import { characters, short, unprintable } from '../../domain/shared/text.ts';
import { readPage, wholeNumber } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';

const TYPES = ['cron', 'at_times', 'duration'] as const;
const MAX_Q_LENGTH = 256;
const MAX_RECENT = 20;

/** The query of a list of schedules, and the number of recent runs of each. */
export function readScheduleQuery(c: Context): { query: ScheduleQuery; recentRuns: number } {
  const page = readPage(c, SCHEDULE_KEY, ['q', 'type', 'tag', 'paused', 'recent']);
  const q = c.req.query('q');
  if (q !== undefined && characters(q) > MAX_Q_LENGTH) {
    throw new Problem(400, `q: has ${characters(q)} characters; a search has at most ${MAX_Q_LENGTH}`);
  }
  const texts = c.req.queries('tag') ?? [];
  if (texts.length > MAX_TAGS) {
    throw new Problem(400, `tag: is given ${texts.length} times; a schedule has at most ${MAX_TAGS} tags`);
  }
  // No id, name or tag contains unprintable characters, and no store accepts all of them in a search.
  for (const [name, text] of [['q', q ?? ''] as const, ...texts.map((text) => ['tag', text] as const)]) {
    const problem = unprintable(text);
    if (problem !== null) throw new Problem(400, `${name}: ${problem}`);
  }
  const type = readType(c.req.query('type'));
  const tags = texts.map(readTag);
  const paused = readPaused(c.req.query('paused'));
  const query = {
    ...page,
    ...(q && { q }),
    ...(type && { type }),
    ...(tags.length > 0 && { tags }),
    ...(paused !== undefined && { paused }),
  };
  return { query, recentRuns: wholeNumber('recent', c.req.query('recent') ?? '0', 0, MAX_RECENT) };
}

function readType(text: string | undefined): ScheduleQuery['type'] {
  const type = TYPES.find((known) => known === text);
  if (text !== undefined && type === undefined) {
    throw new Problem(400, `type: ${short(text)} is not a type of schedule; there are ${TYPES.join(', ')}`);
  }
  return type;
}

function readTag(text: string): { key: string; value: string } {
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new Problem(
      400,
      `tag: ${short(text)} is not a tag; write its name and value, such as team:billing`,
    );
  }
  return { key: text.slice(0, colon), value: text.slice(colon + 1) };
}

function readPaused(text: string | undefined): boolean | undefined {
  if (text !== undefined && text !== 'true' && text !== 'false') {
    throw new Problem(400, `paused: ${short(text)} is neither true nor false`);
  }
  return text === undefined ? undefined : text === 'true';
}
