/**
 * The placeholder of a named slot. A machine names what it needs; `assembleReplica` (or a test) fills
 * the slots with `.provide()`. A forgotten slot throws instead of doing nothing.
 */
export function unfilled(machine: string, name: string): () => never {
  return () => {
    throw new Error(
      `The slot "${name}" of the ${machine} machine is not filled in: provide it where the machine is started.`,
    );
  };
}
