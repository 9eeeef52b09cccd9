import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { kustomization, parseImage } from '../../scripts/kube/overlay.ts';
import { revision } from '../../scripts/kube/revision.ts';
import { type Ended, missing } from '../../scripts/kube/tools.ts';

describe('the name of an image', () => {
  const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
  for (
    const [image, parts] of Object.entries({
      'hascheduler:abc-1': { newName: 'hascheduler', newTag: 'abc-1' },
      'localhost:5000/hascheduler': { newName: 'localhost:5000/hascheduler' },
      'localhost:5000/a/hascheduler:1.2': { newName: 'localhost:5000/a/hascheduler', newTag: '1.2' },
      [`r.example/h@${DIGEST}`]: { newName: 'r.example/h', digest: DIGEST },
    })
  ) {
    it(`is parsed: ${image}`, () => assert.deepEqual(parseImage(image), parts));
  }
});

describe('a generated overlay', () => {
  it('changes images and namespace, and nothing else', () => {
    const images = { hascheduler: 'h:1', mongo: 'm:2' };
    assert.deepEqual(kustomization('../x', { on: 'kind', images, namespace: 'n' }), {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: ['../x'],
      namespace: 'n',
      images: [{ name: 'hascheduler', newName: 'h', newTag: '1' }, {
        name: 'mongo',
        newName: 'm',
        newTag: '2',
      }],
    });
  });
});

describe('missing tools', () => {
  const report = (ended: Record<string, Ended>) =>
    missing(['docker', 'kind', 'kubectl'], ([name = '']) => ended[name]!);
  const fine = { code: 0, stderr: '' };

  it('are all named, with how to install them', () => {
    const none = 'no such program' as const;
    assert.deepEqual(report({ docker: none, kind: fine, kubectl: none }), [
      'docker is not installed: get Docker Desktop or Docker Engine: https://docs.docker.com/get-docker/.',
      'kubectl is not installed: brew install kubectl, or see https://kubernetes.io/docs/tasks/tools/.',
    ]);
    assert.deepEqual(report({ docker: fine, kind: fine, kubectl: fine }), []);
  });

  it('are distinguished from those that don’t work', () => {
    const [sentence] = report({ docker: { code: 1, stderr: 'x\nno daemon\n' }, kind: fine, kubectl: fine });
    assert.match(
      sentence!,
      /^docker is installed, but does not work \(no daemon\): start Docker Desktop, or/,
    );
  });
});

describe('the revision', () => {
  it('is the commit, with a hash when a file differs, and leaves the index unchanged', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'revision-test-'));
    const git = (...args: string[]) => execFileSync('git', args, { cwd: dir, encoding: 'utf8' }).trim();
    try {
      assert.equal(revision(dir), 'dev');
      git('init', '--quiet');
      await writeFile(join(dir, 'a'), '1');
      git('add', 'a');
      git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '--message', 'a');
      const commit = git('rev-parse', '--short=12', 'HEAD');
      assert.equal(revision(dir), commit);
      await writeFile(join(dir, 'b'), '2');
      const index = await readFile(join(dir, '.git', 'index'));
      const changed = revision(dir);
      assert.match(changed, new RegExp(`^${commit}-[0-9a-f]{8}$`));
      assert.equal(revision(dir), changed);
      await writeFile(join(dir, 'b'), '3');
      assert.notEqual(revision(dir), changed);
      assert.deepEqual(await readFile(join(dir, '.git', 'index')), index);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
