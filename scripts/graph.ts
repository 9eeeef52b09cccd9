/** A machine's definition as a graph of its states and transitions. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { transitionLabel, transitionsOf } from './transitions.ts';

export interface GraphNode {
  /** The path of the state in its machine, joined with dots. */
  id: string;
  /** The state's own name. */
  label: string;
  /** The enclosing state; null at the top level. */
  parent: string | null;
  /** Whether it has states of its own. */
  compound: boolean;
  /** Whether it is the initial state of its parent, or of the machine. */
  initial: boolean;
  final: boolean;
}

export interface GraphEdge {
  from: string;
  to: string;
  /** The transitions from one to the other: the event's type, and the label with its guard. */
  events: { type: string; label: string }[];
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/** With `depth: 1` only the top-level states are shown, without the transitions inside them. */
export function graphOf(machine: AnyStateMachine, depth = Infinity): Graph {
  const shown = descendants(machine.root).filter((state) => state.path.length <= depth);
  const idOf = (state: AnyStateNode) => state.path.slice(0, depth).join('.');
  const nodes = shown.map((state) => ({
    id: idOf(state),
    label: state.key,
    parent: state.path.length > 1 ? state.path.slice(0, -1).join('.') : null,
    compound: state.path.length < depth && Object.keys(state.states).length > 0,
    initial: state.parent?.initial?.target?.[0] === state,
    final: state.type === 'final',
  }));
  const edges = new Map<string, GraphEdge>();
  for (const state of [machine.root, ...descendants(machine.root)]) {
    // A transition of the machine itself is drawn from each top-level state.
    const sources = state === machine.root
      ? Object.values(machine.root.states).filter((each) => each.type !== 'final')
      : [state];
    for (const transition of transitionsOf(state)) {
      const event = { type: transition.eventType, label: transitionLabel(transition) };
      for (const target of transition.target ?? []) {
        for (const source of sources) addEdge(edges, idOf(source), idOf(target), event);
      }
    }
  }
  return { nodes, edges: [...edges.values()] };
}

function addEdge(
  edges: Map<string, GraphEdge>,
  from: string,
  to: string,
  event: { type: string; label: string },
): void {
  if (from === to) return;
  const edge = edges.get(`${from} ${to}`) ?? { from, to, events: [] };
  edges.set(`${from} ${to}`, edge);
  if (!edge.events.some(({ type, label }) => type === event.type && label === event.label)) {
    edge.events.push(event);
  }
}

function descendants(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((state) => [state, ...descendants(state)]);
}
