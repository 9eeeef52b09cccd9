/**
 * Imports point inwards only: domain ← actors ← infra and http ← what plugs them together (src/*.ts) and the
 * local cluster. And time and chance come in through ports, so that a simulation can hold them.
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
  '.': { layers: ['.', 'infra', 'http', 'actors', 'domain'], packages: ['*'] },
};

const HAVE_TIME_AND_CHANCE = ['infra', 'local'];
/**
 * A name with a colon after its first word is a signature (`setTimeout(fn: …`), one after a dot is somebody's
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
  ],
  ...[/(?<![.\w])set(Timeout|Interval|Immediate)\((?!\w+:)/, /\bAbortSignal\.timeout\b/, /['"]node:timers/],
];

function layerOf(file: string): string {
  const parts = relative(SRC, file).split(sep);
  return parts.length === 1 ? '.' : parts[0]!;
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(?<![:'"`])\/\/.*$/gm, '');
}

/** Everything that a file imports or re-exports, as it is written. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1]!);
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
    return allowed.layers.includes(other) ? null : `src/${layer} may not import from src/${other}`;
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
  it('has files in every layer, so that this test looks at something', () => {
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

  it('takes time and chance from ports alone, outside of src/infra and src/local', () => {
    const problems = sources.filter(({ file }) => !HAVE_TIME_AND_CHANCE.includes(layerOf(file))).flatMap((
      { file, source },
    ) =>
      AMBIENT.flatMap((pattern) => {
        const found = pattern.exec(source);
        return found ? [`${relative(SRC, file)}: ${found[0]}`] : [];
      })
    );
    assert.deepEqual(problems, []);
  });

  it('would notice a violation of either kind', () => {
    const file = join(SRC, 'domain', 'x.ts');
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
