import type { Execute } from '../../actors/runs/execute.ts';

/**
 * Executes each attempt by its run's type of action. An unknown type, of another version,
 * fails it with a sentence.
 */
export function actionsOf(byType: Readonly<Record<string, Execute>>): Execute {
  return async (attempt, signal) => {
    const type: unknown = attempt.work.action?.type;
    const execute = typeof type === 'string' && Object.hasOwn(byType, type) ? byType[type] : undefined;
    if (execute === undefined) {
      const known = Object.keys(byType).join(', ');
      throw new Error(`This version has no action of the type ${JSON.stringify(type)}; it has ${known}.`);
    }
    return await execute(attempt, signal);
  };
}
