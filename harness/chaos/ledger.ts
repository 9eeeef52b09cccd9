/**
 * The harness's own account of the schedules: what it requested, what was answered, and so which occurrences
 * each schedule owes. It shares no code with the product. A request without an answer may have taken effect or
 * not: its schedule is not touched again, and `settle` decides by what the store holds.
 */

/** A definition, in force in (fromMs, untilMs]. Its occurrences lie at anchorMs + k · everyMs. */
export interface Version {
  revision: number;
  everyMs: number;
  anchorMs: number;
  fromMs: number;
  untilMs: number;
  /** Its claimed runs at the moment when its end was acknowledged; null when unknown. */
  claimsAtEnd: number | null;
}

export interface LedgerEntry {
  id: string;
  versions: Version[];
  /** When the deletion was sent and when it was answered: it took effect in between. Infinity: not deleted. */
  deletion: { sentMs: number; answeredMs: number };
}

/** A schedule in a replica's answer, or in the store. */
export interface StoredSchedule {
  revision: number;
  created_at: string | Date;
  updated_at: string | Date;
}

interface OpenEntry extends LedgerEntry {
  /** The request without an answer. */
  open: { kind: 'create' | 'replace' | 'delete'; everyMs: number; endMs: number; sentMs: number } | null;
}

export class Ledger {
  readonly #entries = new Map<string, OpenEntry>();

  /** To be called before the request is sent, as the next two. */
  creating(id: string, everyMs: number, endMs = Infinity): void {
    const never = { sentMs: Infinity, answeredMs: Infinity };
    const open = { kind: 'create' as const, everyMs, endMs, sentMs: Date.now() };
    this.#entries.set(id, { id, versions: [], deletion: never, open });
  }

  replacing(id: string, everyMs: number, endMs: number): void {
    this.#entry(id).open = { kind: 'replace', everyMs, endMs, sentMs: Date.now() };
  }

  deleting(id: string): void {
    const entry = this.#entry(id);
    entry.open = { kind: 'delete', everyMs: 0, endMs: 0, sentMs: Date.now() };
    entry.deletion = { sentMs: Date.now(), answeredMs: Infinity };
  }

  /** A creation or a replacement was acknowledged. `anchorMs` is by default the time of the creation. */
  defined(id: string, stored: StoredSchedule, anchorMs = Date.parse(`${stored.created_at}`)): void {
    const entry = this.#entry(id);
    if (entry.open === null) throw new Error(`no request for ${id} is open`);
    const fromMs = new Date(stored.updated_at).getTime();
    const last = entry.versions.at(-1);
    if (last) last.untilMs = Math.min(last.untilMs, fromMs);
    const { everyMs, endMs: untilMs } = entry.open;
    entry.versions.push({ revision: stored.revision, everyMs, anchorMs, fromMs, untilMs, claimsAtEnd: null });
    entry.open = null;
  }

  deleted(id: string): void {
    const entry = this.#entry(id);
    entry.deletion.answeredMs = Date.now();
    entry.open = null;
  }

  /** The revision in force. */
  revision(id: string): number {
    return this.#entry(id).versions.at(-1)?.revision ?? 0;
  }

  /** The end of the revision was acknowledged; `claims` is the number of its claimed runs by then. */
  ended(id: string, revision: number, claims: number | null): void {
    const version = this.#entry(id).versions.find((each) => each.revision === revision) as Version;
    version.claimsAtEnd = claims;
  }

  /**
   * All entries, after the requests without an answer are decided by what the store holds. Throws when the store
   * contradicts an answer.
   */
  settle(stored: ReadonlyMap<string, StoredSchedule>): LedgerEntry[] {
    for (const entry of this.#entries.values()) {
      const doc = stored.get(entry.id);
      if (entry.open && entry.open.kind !== 'delete' && doc && doc.revision > this.revision(entry.id)) {
        this.defined(entry.id, doc, new Date(doc.created_at).getTime());
      }
      if (doc && entry.open?.kind === 'delete') entry.deletion.sentMs = Infinity;
      const exists = entry.versions.length > 0 && entry.deletion.sentMs === Infinity;
      if (exists !== (doc !== undefined) || exists && doc?.revision !== this.revision(entry.id)) {
        const known = `${entry.versions.length} versions, ${
          entry.open?.kind ?? 'no'
        } request without an answer`;
        throw new Error(`the store holds ${entry.id} as ${JSON.stringify(doc)}; the ledger has ${known}`);
      }
    }
    return [...this.#entries.values()];
  }

  #entry(id: string): OpenEntry {
    return this.#entries.get(id) as OpenEntry;
  }
}
