import process from 'node:process';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** Labelled with names of Node's internal classes: not a closed set. */
const UNBOUNDED = /^nodejs_active_/;
/** On Deno these exist, but mean something else than on Node, or nothing. */
const OF_NODE_ONLY = /^nodejs_(eventloop_lag|gc|version)_/;

/** CPU time, memory, file descriptors, and the runtime's heap and event loop where available. */
export function processMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) {
    if (UNBOUNDED.test(name) || isDeno() && OF_NODE_ONLY.test(name)) registry.removeSingleMetric(name);
  }
}

export function buildInfo(registry: Registry, version: string): void {
  const { deno, node } = process.versions;
  new Gauge({
    name: 'scheduler_build_info',
    help: 'Always 1; the version of the program and the runtime that runs it.',
    labelNames: ['version', 'runtime'],
    registers: [registry],
  }).set({ version, runtime: isDeno() ? `deno ${deno}` : `node ${node}` }, 1);
}

function isDeno(): boolean {
  return process.versions.deno !== undefined;
}
