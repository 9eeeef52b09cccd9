/**
 * The harness's own account of the schedules: what it asked for, what was answered, and so which occurrences
 * each of them owes. It shares no code with the product. A request that got no answer may or may not have had
 * its effect: its schedule is left alone from then on, and the store says in the end which it was.
 */

/** A definition, in force in (fromMs, untilMs]. Its occurrences lie at anchorMs + k · everyMs. */
export interface Version {
  revision: number;
  everyMs: number;
  anchorMs: number;
  fromMs: number;
  untilMs: number;
  /** How many runs of it were claimed by the moment at which its end was answered; null if nobody knows. */
  claimsAtEnd: number | null;
}

export interface Kept {
  id: string;
  versions: Version[];
  /** When the deletion was sent and when it was answered: it took effect in between. Infinity: it didn't. */
  deletion: { sentMs: number; answeredMs: number };
}

/** What a replica answers, and what the store holds, of a schedule. */
export interface Stored {
  revision: number;
  created_at: string | Date;
  updated_at: string | Date;
}

interface Page extends Kept {
  /** The request without an answer. */
  open: { kind: 'create' | 'replace' | 'delete'; everyMs: number; endMs: number; sentMs: number } | null;
}

export class Book {
  readonly #pages = new Map<string, Page>();

  /** Before the request is sent. `anchorMs`: where it is not the moment of the creation. */
  creating(id: string, everyMs: number, endMs = Infinity): void {
    const never = { sentMs: Infinity, answeredMs: Infinity };
    const open = { kind: 'create' as const, everyMs, endMs, sentMs: Date.now() };
    this.#pages.set(id, { id, versions: [], deletion: never, open });
  }

  replacing(id: string, everyMs: number, endMs: number): void {
    this.#page(id).open = { kind: 'replace', everyMs, endMs, sentMs: Date.now() };
  }

  deleting(id: string): void {
    const page = this.#page(id);
    page.open = { kind: 'delete', everyMs: 0, endMs: 0, sentMs: Date.now() };
    page.deletion = { sentMs: Date.now(), answeredMs: Infinity };
  }

  /** A creation or a replacement has taken effect. */
  defined(id: string, stored: Stored, anchorMs = Date.parse(`${stored.created_at}`)): void {
    const page = this.#page(id);
    if (page.open === null) throw new Error(`nothing was asked about ${id}`);
    const fromMs = new Date(stored.updated_at).getTime();
    const last = page.versions.at(-1);
    if (last) last.untilMs = Math.min(last.untilMs, fromMs);
    const { everyMs, endMs: untilMs } = page.open;
    page.versions.push({ revision: stored.revision, everyMs, anchorMs, fromMs, untilMs, claimsAtEnd: null });
    page.open = null;
  }

  deleted(id: string): void {
    const page = this.#page(id);
    page.deletion.answeredMs = Date.now();
    page.open = null;
  }

  /** The present definition's number, for who asks about its runs before it is replaced. */
  revision(id: string): number {
    return this.#page(id).versions.at(-1)?.revision ?? 0;
  }

  /** The revision is over, as was answered; so many of its runs had been claimed by then. */
  ended(id: string, revision: number, claims: number | null): void {
    const version = this.#page(id).versions.find((each) => each.revision === revision) as Version;
    version.claimsAtEnd = claims;
  }

  /** Everything, once the store says what became of the requests without an answer. Throws if it can't be. */
  settle(stored: ReadonlyMap<string, Stored>): Kept[] {
    for (const page of this.#pages.values()) {
      const doc = stored.get(page.id);
      if (page.open && page.open.kind !== 'delete' && doc && doc.revision > this.revision(page.id)) {
        this.defined(page.id, doc, new Date(doc.created_at).getTime());
      }
      if (doc && page.open?.kind === 'delete') page.deletion.sentMs = Infinity;
      const isThere = page.versions.length > 0 && page.deletion.sentMs === Infinity;
      if (isThere !== (doc !== undefined) || isThere && doc?.revision !== this.revision(page.id)) {
        const said = `${page.versions.length} versions, ${page.open?.kind ?? 'no'} request without an answer`;
        throw new Error(`the store holds ${page.id} as ${JSON.stringify(doc)}; what was answered: ${said}`);
      }
    }
    return [...this.#pages.values()];
  }

  #page(id: string): Page {
    return this.#pages.get(id) as Page;
  }
}
