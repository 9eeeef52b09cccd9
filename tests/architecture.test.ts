/**
 * Imports point inwards only: domain ← actors ← infra and http ← the composition (src/*.ts) and the local cluster.
 * Within a layer the concerns have an order, and import only from earlier ones. Time and randomness enter through
 * ports, so that a simulation can control them.
 */
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/**
 * What each layer may import: layers, and packages ('*' for any, Node's modules included). '.' are the files
 * right in src.
 */
const MAY_IMPORT: Record<string, { layers: string[]; packages: string[] }> = {
  domain: { layers: ['domain'], packages: ['zod', 'cron-schedule'] },
  actors: { layers: ['actors', 'domain'], packages: ['xstate'] },
  infra: { layers: ['infra', 'actors', 'domain'], packages: ['*'] },
  http: { layers: ['http', 'actors', 'domain'], packages: ['*'] },
  local: { layers: ['local', 'infra', 'http', 'actors', 'domain'], packages: ['*'] },
  slots: { layers: ['slots', 'actors', 'domain'], packages: ['xstate'] },
  '.': { layers: ['.', 'slots', 'infra', 'http', 'actors', 'domain'], packages: ['*'] },
};

/**
 * The concerns of each layer. A concern may import from itself and from those before it; a file right in the layer's
 * folder from all of them. A concern has the same name in every layer.
 */
const CONCERNS: Record<string, readonly string[]> = {
  domain: [
    ...['shared', 'timing', 'actions', 'schedules', 'runs', 'leadership', 'firing', 'membership', 'events'],
  ],
  actors: ['shared', 'schedules', 'leadership', 'runs', 'firing', 'membership', 'events'],
  http: [
    ...['shared', 'server', 'events', 'schedules', 'runs', 'leadership', 'membership'],
    ...['operations', 'inspector'],
  ],
  infra: [
    ...['log', 'machine', 'shared', 'schedules', 'firing', 'runs', 'actions', 'membership'],
    ...['mongo', 'memory', 'kubernetes', 'metrics'],
  ],
  [join('infra', 'mongo')]: [
    ...['shared', 'leadership', 'membership', 'runs', 'schedules', 'firing', 'events'],
  ],
  [join('infra', 'memory')]: [
    ...['shared', 'leadership', 'membership', 'runs', 'schedules', 'firing', 'events'],
  ],
};

const MAY_USE_TIME_AND_RANDOMNESS = ['infra', 'local'];
/**
 * Ambient time and randomness. Not `setTimeout(fn: …`, which is a signature, and not a name after a dot, which is a
 * method.
 */
const AMBIENT = [
  ...[
    /\bDate\.now\b/,
    /\bnew Date\(\s*\)/,
    /\bperformance\.now\b/,
    /\bMath\.random\b/,
    /\brandomUUID\b/,
    /\bgetRandomValues\b/,
    /\brandomBytes\b/,
  ],
  ...[/(?<![.\w])set(Timeout|Interval|Immediate)\((?!\w+:)/, /\bAbortSignal\.timeout\b/, /['"]node:timers/],
];

function layerOf(file: string): string {
  const parts = relative(SRC, file).split(sep);
  return parts.length === 1 ? '.' : parts[0]!;
}

/** Which concern of the folder a file belongs to; null for one right in it, undefined for one elsewhere. */
function concernOf(folder: string, file: string): string | null | undefined {
  const path = relative(join(SRC, folder), file).split(sep);
  return path[0] === '..' ? undefined : path.length === 1 ? null : path[0];
}

/** What is wrong with an import from one concern of a layer to another; null when it is allowed. */
function disorder(file: string, target: string): string | null {
  for (const [folder, order] of Object.entries(CONCERNS)) {
    const [from, to] = [concernOf(folder, file), concernOf(folder, target)];
    if (from === undefined || from === null || to === undefined || from === to) continue;
    if (!order.includes(from)) return `src/${folder}/${from} is not a concern that this test knows`;
    if (to === null) return `src/${folder}/${from} may not import what stands above it`;
    if (order.indexOf(to) > order.indexOf(from)) {
      return `src/${folder}/${from} may not import from src/${folder}/${to}`;
    }
  }
  return null;
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(?<![:'"`])\/\/.*$/gm, '');
}

/** Everything that a file imports or re-exports, as it is written. A string 'from' is no import. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/(?:(?<!['"])\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) =>
    match[1]!
  );
}

/** What is wrong with one import, null when it is allowed. */
function problemWith(file: string, imported: string): string | null {
  const layer = layerOf(file);
  const allowed = MAY_IMPORT[layer];
  if (!allowed) return `src/${layer} is not a layer that this test knows`;
  if (imported.startsWith('.')) {
    const target = resolve(dirname(file), imported);
    if (!target.startsWith(SRC + sep)) {
      return imported.endsWith('.json') && layer === '.' ? null : 'it lies outside src';
    }
    const other = layerOf(target);
    if (!allowed.layers.includes(other)) return `src/${layer} may not import from src/${other}`;
    return disorder(file, target);
  }
  const name = imported.split('/').slice(0, imported.startsWith('@') ? 2 : 1).join('/');
  return allowed.packages.includes('*') || allowed.packages.includes(name)
    ? null
    : `src/${layer} may not import ${name}`;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  .map((name) => join(SRC, name));
const sources = files.map((file) => ({ file, source: withoutComments(readFileSync(file, 'utf8')) }));

describe('the architecture', () => {
  it('finds files in every layer', () => {
    assert.deepEqual(new Set(files.map(layerOf)), new Set(Object.keys(MAY_IMPORT)));
  });

  it('lets imports point inwards only', () => {
    const problems = sources.flatMap(({ file, source }) =>
      importsOf(source).flatMap((imported) => {
        const problem = problemWith(file, imported);
        return problem ? [`${relative(SRC, file)} imports ${imported}: ${problem}`] : [];
      })
    );
    assert.deepEqual(problems, []);
  });

  it('takes time and randomness from ports only, outside of src/infra and src/local', () => {
    const problems = sources.filter(({ file }) => !MAY_USE_TIME_AND_RANDOMNESS.includes(layerOf(file)))
      .flatMap((
        { file, source },
      ) =>
        AMBIENT.flatMap((pattern) => {
          const found = pattern.exec(source);
          return found ? [`${relative(SRC, file)}: ${found[0]}`] : [];
        })
      );
    assert.deepEqual(problems, []);
  });

  it('has every concern that this test knows, and no other', () => {
    const all = [...new Set(Object.values(CONCERNS).flat())];
    assert.ok(all.includes('leadership'));
    for (const [folder, order] of Object.entries(CONCERNS)) {
      const found = new Set(
        files.map((file) => concernOf(folder, file)).filter((concern) => concern != null),
      );
      assert.deepEqual([...found].toSorted(), [...order].toSorted(), folder);
    }
  });

  it('detects each kind of violation', () => {
    const file = join(SRC, 'domain', 'x.ts');
    const inTiming = join(SRC, 'domain', 'timing', 'x.ts');
    assert.match(problemWith(inTiming, '../runs/run.ts')!, /timing may not import from src\/domain\/runs/);
    assert.equal(problemWith(inTiming, '../shared/text.ts'), null);
    assert.match(
      problemWith(join(SRC, 'infra', 'mongo', 'shared', 'x.ts'), '../store.ts')!,
      /may not import what stands above it/,
    );
    assert.match(problemWith(file, '../infra/clock.ts')!, /domain may not import from src\/infra/);
    assert.match(problemWith(file, 'node:fs')!, /domain may not import node:fs/);
    assert.match(problemWith(join(SRC, 'actors', 'x.ts'), 'mongodb/lib/x')!, /actors may not import mongodb/);
    assert.match(
      problemWith(join(SRC, 'infra', 'x.ts'), '../http/app.ts')!,
      /infra may not import from src\/http/,
    );
    assert.deepEqual(importsOf(`import a from 'a';\nexport * from "b";\nawait import('c');\nimport 'd';`), [
      'a',
      'b',
      'c',
      'd',
    ]);
    const ambient = (source: string) => AMBIENT.some((pattern) => pattern.test(source));
    for (const bad of ['Date.now()', 'new Date()', 'setTimeout(f, 1)', 'Math.random()']) {
      assert.ok(ambient(bad), bad);
    }
    for (const good of ['clock.setTimeout(f, 1)', 'setTimeout(fn: () => void)', 'new Date(ms)']) {
      assert.ok(!ambient(good), good);
    }
  });
});
