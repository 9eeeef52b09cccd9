/**
 * The statecharts of the inspector page, laid out from the machines' definitions. `npm run diagrams` writes them
 * to a file of the page, and `npm run ok` checks it, so that replicas need not compute them.
 */
import { graphlib, layout } from '@dagrejs/dagre';
import type { AnyStateMachine } from 'xstate';
import { electionMachine } from '../src/actors/leadership/election.ts';
import { jobMachine } from '../src/actors/runs/job.ts';
import { lifeMachine } from '../src/actors/runs/life.ts';
import { replicaMachine } from '../src/actors/replica.ts';
import { runMachine } from '../src/actors/runs/run.ts';
import { type Graph, type GraphEdge, type GraphNode, graphOf } from './graph.ts';

/** Lengths in CSS pixels; `x` and `y` are the centres of boxes. */
export interface Chart {
  width: number;
  height: number;
  nodes: (GraphNode & { x: number; y: number; width: number; height: number })[];
  edges: (Omit<GraphEdge, 'events'> & {
    /** The transitions along it, for readers. */
    labels: string[];
    /** The types of the events, only where the page needs them. */
    types?: string[];
    /** An SVG path. */
    path: string;
    /** The centre of the labels, one line for each; null when they are not shown. */
    at: { x: number; y: number } | null;
  })[];
}

interface Layout {
  depth?: number;
  direction: 'TB' | 'LR';
  labelled: boolean;
  typed?: boolean;
}

/** For text of 12 px; generous, since fonts differ. */
const CHAR_PX = 7.2;
const LABEL_CHAR_PX = 6;
const LINE_PX = 13;
const STATE_PX = 30;
const MARGIN_PX = 6;

/** All charts, by name. `electionRoles` has the top-level states only, for a replica's card. */
export function charts(): Record<string, Chart> {
  return {
    electionRoles: chart(electionMachine, { depth: 1, direction: 'TB', labelled: false, typed: true }),
    election: chart(electionMachine, { direction: 'TB', labelled: true }),
    job: chart(jobMachine, { direction: 'LR', labelled: false }),
    life: chart(lifeMachine, { direction: 'LR', labelled: false }),
    run: chart(runMachine, { direction: 'LR', labelled: false }),
    replica: chart(replicaMachine, { direction: 'TB', labelled: true }),
  };
}

export function chart(
  machine: AnyStateMachine,
  { depth, direction, labelled, typed = false }: Layout,
): Chart {
  const graph = graphOf(machine, depth);
  const g = new graphlib.Graph({ compound: true, multigraph: false });
  g.setGraph({
    rankdir: direction,
    nodesep: 26,
    ranksep: labelled ? 34 : 30,
    edgesep: 14,
  });
  g.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) {
    g.setNode(node.id, { width: Math.max(64, node.label.length * CHAR_PX + 24), height: STATE_PX });
  }
  for (const node of graph.nodes) if (node.parent !== null) g.setParent(node.id, node.parent);
  for (const edge of graph.edges) addEdge(g, graph, edge, labelled);
  layout(g);
  return drawn(g, graph, { direction, labelled, typed });
}

/** Dagre requires edges between leaves: an edge of a compound state is attached to its initial state. */
function addEdge(g: graphlib.Graph, graph: Graph, edge: GraphEdge, labelled: boolean): void {
  const lines = edge.events.map((event) => event.label);
  const size = labelled
    ? {
      width: Math.max(...lines.map((line) => line.length)) * LABEL_CHAR_PX + 8,
      height: lines.length * LINE_PX,
      labelpos: 'c',
    }
    : {};
  g.setEdge(leaf(graph, edge.from), leaf(graph, edge.to), size);
}

function leaf(graph: Graph, id: string): string {
  const node = graph.nodes.find((each) => each.id === id);
  if (!node?.compound) return id;
  const inside = graph.nodes.filter((each) => each.parent === id);
  return leaf(graph, (inside.find((each) => each.initial) ?? inside[0])?.id ?? id);
}

function drawn(g: graphlib.Graph, graph: Graph, { labelled, typed }: Layout): Chart {
  const boxes = new Map(graph.nodes.map(({ id }) => [id, g.node(id) as Box]));
  const lines = graph.edges.map((edge) => g.edge(leaf(graph, edge.from), leaf(graph, edge.to)) as Line);
  // Dagre's size of the whole covers boxes and labels, but not edges that extend beyond them.
  const xs = [...boxes.values()].flatMap(({ x, width }) => [x - width / 2, x + width / 2])
    .concat(lines.flatMap(({ points }) => points.map(({ x }) => x)));
  const ys = [...boxes.values()].flatMap(({ y, height }) => [y - height / 2, y + height / 2])
    .concat(lines.flatMap(({ points }) => points.map(({ y }) => y)));
  const move = ({ x, y }: Point): Point => ({
    x: round(x - Math.min(...xs) + MARGIN_PX),
    y: round(y - Math.min(...ys) + MARGIN_PX),
  });
  const nodes = graph.nodes.map((node) => {
    const { width, height, ...at } = boxes.get(node.id) as Box;
    return { ...node, ...move(at), width: round(width), height: round(height) };
  });
  const edges = graph.edges.map((edge, i) => {
    const { points, x = 0, y = 0 } = lines[i] as Line;
    const { events, ...ends } = edge;
    return {
      ...ends,
      labels: events.map((event) => event.label),
      ...(typed && { types: events.map((event) => event.type) }),
      path: curve(points.map(move)),
      at: labelled ? move({ x, y }) : null,
    };
  });
  const span = (values: number[]) => Math.ceil(Math.max(...values) - Math.min(...values) + 2 * MARGIN_PX);
  return { width: span(xs), height: span(ys), nodes, edges };
}

interface Point {
  x: number;
  y: number;
}

interface Box extends Point {
  width: number;
  height: number;
}

/** `x` and `y` are the centre of its label, if any. */
interface Line extends Partial<Point> {
  points: Point[];
}

/** A smooth path near the points, through the first and the last (a quadratic spline). */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`;
  const middle = (a: Point, b: Point) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const last = rest.at(-1) ?? first;
  const bends = rest.slice(0, -1).map((point, i) =>
    `Q${at(point)} ${at(middle(point, rest[i + 1] ?? last))}`
  );
  return `M${at(first)}${bends.join('')}L${at(last)}`;
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}
