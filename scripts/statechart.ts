import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { transitionLabel, transitionsOf } from './transitions.ts';

/** A machine's definition as a Mermaid state diagram. */
export function statechart(machine: AnyStateMachine): string {
  return ['stateDiagram-v2', ...body(machine.root, 1)].join('\n');
}

function body(node: AnyStateNode, depth: number): string[] {
  const pad = '  '.repeat(depth);
  const states = Object.values(node.states);
  const lines = states.flatMap((state) =>
    Object.keys(state.states).length === 0
      ? [`${pad}state "${state.key}" as ${name(state)}`]
      : [`${pad}state "${state.key}" as ${name(state)} {`, ...body(state, depth + 1), `${pad}}`]
  );
  const initial = node.initial?.target?.[0];
  if (initial !== undefined) lines.unshift(`${pad}[*] --> ${name(initial)}`);
  for (const state of states) lines.push(...arrows(state, pad));
  if (depth === 1) lines.push(...fromAnywhere(node, pad));
  for (const state of states) if (state.type === 'final') lines.push(`${pad}${name(state)} --> [*]`);
  return lines;
}

/** The transitions of the machine itself, drawn from every top-level state. */
function fromAnywhere(root: AnyStateNode, pad: string): string[] {
  return transitionsOf(root).flatMap((transition) =>
    (transition.target ?? []).flatMap((target) =>
      Object.values(root.states).filter((state) => state !== target && state.type !== 'final')
        .map((state) => `${pad}${name(state)} --> ${name(target)}: ${transitionLabel(transition)}`)
    )
  );
}

/** One arrow per pair of states, labelled with all transitions from one to the other. */
function arrows(state: AnyStateNode, pad: string): string[] {
  const labels = new Map<string, Set<string>>();
  for (const transition of transitionsOf(state)) {
    for (const target of transition.target ?? []) {
      const arrow = `${pad}${name(state)} --> ${name(target)}`;
      labels.set(arrow, (labels.get(arrow) ?? new Set()).add(transitionLabel(transition)));
    }
  }
  return [...labels].map(([arrow, texts]) => `${arrow}: ${[...texts].join(', ')}`);
}

function name(state: AnyStateNode): string {
  return state.path.join('_') || state.key;
}
