/** A schedule feed that the test controls. */
import type { OpenFeed } from '../../../src/actors/schedules/scheduleFeed.ts';
import type { Watermark } from '../../../src/domain/leadership/watermark.ts';
import { every } from '../../support/schedules.ts';

export const T = Date.UTC(2030, 0, 1);
export const MARK: Watermark = { claimedThroughMs: T, mirroredThroughMs: T };
export const A = every(100, T, { id: 'a' });
export const DELETE = { kind: 'delete', id: 'a' } as const;

/** A stream that notes whether it was closed. */
export class Feed implements OpenFeed {
  closed = false;
  readonly at: unknown;

  constructor(at: unknown) {
    this.at = at;
  }

  token(): unknown {
    return this.at;
  }

  close(): void {
    this.closed = true;
  }
}

export const silent = () => {};

export const loaded = (feed: OpenFeed = new Feed('t1')) => ({
  mark: MARK,
  schedules: [A],
  notUnderstood: [],
  feed,
});
