/** Tells a dead process from a slow one. */
export interface Peers {
  /** Boot of the one that has watched this process for longest; null when nobody does. */
  heir(): string | null;
  /**
   * Holds a connection to the process `boot` at `address`. Calls `onDead`, once, when that connection broke
   * without a goodbye and another one is refused, or answered by another process: never on a mere timeout, and
   * never before the process was met there. `sinceMs`: how long ago it broke. Returns what ends it.
   */
  watch(peer: { address: string; boot: string }, onDead: (sinceMs: number) => void): () => void;
}
