/** axe-core's findings on the current page. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { WatchedPage } from '../../harness/cluster/inspector.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The violations, a line each. */
export async function violations({ page }: WatchedPage): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(`axe.run(document, { resultTypes: ['violations'] })`) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)}\n    ${failureSummary}`)
  );
}
