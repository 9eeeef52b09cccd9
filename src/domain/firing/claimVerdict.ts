/** The result of a claim, by schedule id; `others` applies to all ids in neither set. */
export interface ClaimVerdict {
  settled?: ReadonlySet<string>;
  stale?: ReadonlySet<string>;
  /** They owe nothing more. */
  exhausted?: ReadonlySet<string>;
  others: 'settled' | 'owed';
}

export function verdictOn(
  { settled, stale, others }: ClaimVerdict,
  id: string,
): 'settled' | 'owed' | 'stale' {
  return settled?.has(id) ? 'settled' : stale?.has(id) ? 'stale' : others;
}
