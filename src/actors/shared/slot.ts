/**
 * The placeholder of a named slot. A machine says what it needs done by name; `src/main.ts` (or a test) fills
 * the slots in with `.provide()`, and a slot that was forgotten says so instead of doing nothing.
 */
export function unfilled(machine: string, name: string): () => never {
  return () => {
    throw new Error(
      `The slot "${name}" of the ${machine} machine is not filled in: provide it where the machine is started.`,
    );
  };
}
