import type { Execute } from '../../actors/runs/execute.ts';
import type { Action, ActionType } from '../../domain/actions/action.ts';

/** All types of actions. */
export type Registry = { [T in ActionType]: Execute<Extract<Action, { type: T }>> };

/**
 * Executes each attempt by its run's type of action. An unknown type, of another version,
 * fails it with a sentence.
 */
export function actionsOf(byType: Registry): Execute {
  return async (attempt, signal) => {
    const type: unknown = attempt.work.action?.type;
    const execute = typeof type === 'string' && Object.hasOwn(byType, type)
      ? byType[type as ActionType]
      : undefined;
    if (execute === undefined) {
      const known = Object.keys(byType).join(', ');
      throw new Error(`This version has no action of the type ${JSON.stringify(type)}; it has ${known}.`);
    }
    // Its type is that of the action.
    return await (execute as Execute)(attempt, signal);
  };
}
