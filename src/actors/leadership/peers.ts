/** Distinguishes a dead process from a slow one. */
export interface Peers {
  /** Boot of the replica that has watched this process longest; null if none does. */
  heir(): string | null;
  /**
   * Holds a connection to the process `boot` at `address`. Calls `onDead`, once, when it broke
   * without a goodbye and a new one is refused, or answered by another process: never on a mere
   * timeout, and never before a first connection to that process. `sinceMs`: how long ago it broke.
   * Returns the function that ends it.
   */
  watch(peer: { address: string; boot: string }, onDead: (sinceMs: number) => void): () => void;
}
