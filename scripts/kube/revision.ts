/** The image's tag, derived from the files that it is built from. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The commit, followed by a hash of the files if they differ from it: pods are replaced only when the tag
 * changes, so uncommitted changes must change it. `dev` outside a git repository.
 */
export function revision(dir: string): string {
  const scratch = mkdtempSync(join(tmpdir(), 'hascheduler-index-'));
  // Not the user's own index.
  const env = { ...process.env, GIT_INDEX_FILE: join(scratch, 'index') };
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: dir, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim();
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD');
    git('read-tree', 'HEAD');
    git('add', '--all');
    const tree = git('write-tree');
    return tree === git('rev-parse', 'HEAD^{tree}') ? commit : `${commit}-${tree.slice(0, 8)}`;
  } catch {
    return 'dev';
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
