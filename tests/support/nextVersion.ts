/** A newer version of the product: a copy of it, which knows one more unit of durations. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../src/local/runtime.ts';

/** Relative to the project; the text is in the file once. */
const PATCHED = join('src', 'domain', 'timing', 'duration.ts');
const OLD_TEXT = "  ['h', 3_600_000n * NS_PER_MS],\n";
const NEW_TEXT = `${OLD_TEXT}  ['d', 86_400_000n * NS_PER_MS],\n`;

/** 432 ms, as only the newer version can read it. */
export const NEW_INTERVAL = '0.000005d';
export const NEW_INTERVAL_MS = 432;

export interface NextVersion {
  /** Of a replica of the newer version. */
  script: string;
  remove(): Promise<void>;
}

export async function nextVersion(): Promise<NextVersion> {
  const dir = await mkdtemp(join(tmpdir(), 'hascheduler-next-'));
  await cp(join(PROJECT_DIR, 'src'), join(dir, 'src'), { recursive: true });
  for (const name of ['node_modules', 'package.json', 'deno.json', 'tsconfig.json']) {
    await symlink(join(PROJECT_DIR, name), join(dir, name));
  }
  const text = await readFile(join(dir, PATCHED), 'utf8');
  assert.equal(text.split(OLD_TEXT).length, 2, `${PATCHED} has another text by now: patch that`);
  await writeFile(join(dir, PATCHED), text.replace(OLD_TEXT, NEW_TEXT));
  return {
    script: join(dir, 'src', 'main.ts'),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
