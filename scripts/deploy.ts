/**
 * `deploy.ts up`: deploys everything to a kind cluster, which is created if needed.
 * `deploy.ts deploy [--image NAME:TAG] [--overlay kind|production] [--mongo-image NAME:TAG] [--yes]`: deploys to
 * the cluster of kubectl's current context, after a confirmation. `deploy.ts down`: deletes the kind cluster.
 * All are idempotent.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { PROJECT_DIR } from '../src/local/runtime.ts';
import { writeOverlay } from './kube/overlay.ts';
import { revision } from './kube/revision.ts';
import { missing } from './kube/tools.ts';

const CLUSTER = 'hascheduler';
const CONTEXT = `kind-${CLUSTER}`;
const NAMESPACE = 'hascheduler';
const OVERLAYS = ['kind', 'production'];

/** Prints the command and its output. Throws a sentence when it fails. */
function run(command: string, ...args: string[]): void {
  console.log(`\n$ ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, {
    cwd: PROJECT_DIR,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    throw new Error(`The command failed: ${error?.message ?? `see the output of ${command} above`}.`);
  }
}

const output = (command: string, ...args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

function need(...tools: Parameters<typeof missing>[0]): void {
  const sentences = missing(tools);
  if (sentences.length > 0) throw new Error(sentences.join('\n'));
}

const kindClusters = () => output('kind', 'get', 'clusters').split('\n');

/** The tag is the revision. */
function buildImage(): string {
  const tag = revision(PROJECT_DIR);
  const image = `hascheduler:${tag}`;
  run('docker', 'build', '--build-arg', `REVISION=${tag}`, '--tag', image, '.');
  return image;
}

function apply(dir: string, overlay: string, context: string): void {
  const kubectl = (...args: string[]) => run('kubectl', '--context', context, ...args);
  kubectl('apply', '--kustomize', dir);
  const inNamespace = ['--namespace', NAMESPACE, 'rollout', 'status', '--timeout=300s'];
  if (overlay === 'kind') kubectl(...inNamespace, 'statefulset/mongo');
  kubectl(...inNamespace, 'deployment/hascheduler');
}

async function up(): Promise<void> {
  need('docker', 'kind', 'kubectl');
  if (kindClusters().includes(CLUSTER)) run('kind', 'export', 'kubeconfig', '--name', CLUSTER);
  else {
    const config = join('k8s', 'overlays', 'kind', 'cluster.yaml');
    run('kind', 'create', 'cluster', '--config', config, '--wait', '180s');
  }
  const image = buildImage();
  run('kind', 'load', 'docker-image', image, '--name', CLUSTER);
  apply(await writeOverlay({ on: 'kind', images: { hascheduler: image } }), 'kind', CONTEXT);
  console.log(`
hascheduler runs: three replicas and a MongoDB replica set, in the context ${CONTEXT}, namespace ${NAMESPACE}.

open   http://localhost:8080/
try    just create-schedule     fires every 300 ms
       just logs                the replicas' logs
       just kill-leader         kill -9 the leader, and measure the takeover
       just pause-leader        freeze it for 6 s, and see it become a follower
       just status              pods, the leader's label, the latest events
stop   just down                deletes the cluster, with all data`);
}

interface DeployOptions {
  image?: string | undefined;
  'mongo-image'?: string | undefined;
  overlay: string;
  yes: boolean;
}

async function deploy({ image: given, 'mongo-image': mongo, overlay, yes }: DeployOptions): Promise<void> {
  need('kubectl');
  if (!OVERLAYS.includes(overlay)) throw new Error(`--overlay must be one of ${OVERLAYS.join(', ')}.`);
  const context = currentContext();
  const kind = /^kind-(.+)$/.exec(context)?.[1];
  if (!given && !kind && context !== 'docker-desktop') {
    throw new Error(
      `The cluster of the context ${context} can't use images of this machine. Push one to a registry that it can ` +
        'reach, and name it: just deploy --image registry.example/hascheduler:TAG',
    );
  }
  if (!given) need('docker', ...(kind ? ['kind' as const] : []));
  const what = overlay === 'kind' ? 'three replicas and a MongoDB for trials' : 'three replicas';
  await confirm(`Deploy ${given ?? 'this revision'} (${what}) to the context ${context}`, context, yes);
  if (overlay === 'production') needSecret();
  const image = given ?? buildImage();
  if (!given && kind) run('kind', 'load', 'docker-image', image, '--name', kind);
  const images = { hascheduler: image, ...(mongo && { mongo }) };
  apply(await writeOverlay({ on: overlay, images }), overlay, context);
  console.log(`
hascheduler runs in the context ${context}, namespace ${NAMESPACE}. To reach it from here:

       kubectl --namespace ${NAMESPACE} port-forward service/hascheduler 8080:8080
open   http://localhost:8080/
remove kubectl delete namespace ${NAMESPACE}`);
}

function needSecret(): void {
  try {
    output('kubectl', '--namespace', NAMESPACE, 'get', 'secret', 'hascheduler-mongo');
  } catch {
    throw new Error(
      `The Secret hascheduler-mongo, which holds MongoDB's URI, is missing in the namespace ${NAMESPACE}. Create it first:
  kubectl create namespace ${NAMESPACE}
  kubectl --namespace ${NAMESPACE} create secret generic hascheduler-mongo --from-literal=MONGO_URI='mongodb+srv://…'`,
    );
  }
}

function currentContext(): string {
  try {
    return output('kubectl', 'config', 'current-context');
  } catch {
    throw new Error(
      'kubectl has no current context. `just up` creates a cluster on this machine, and sets one.',
    );
  }
}

async function confirm(what: string, context: string, yes: boolean): Promise<void> {
  if (yes) return void console.log(`${what}.`);
  if (!process.stdin.isTTY) throw new Error(`${what}? This is not a terminal: confirm with --yes.`);
  const question = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await question.question(`${what}? To confirm, type the name of the context: `);
  question.close();
  if (answer.trim() !== context) throw new Error(`That is not ${context}: nothing was deployed.`);
}

function down(): void {
  need('docker', 'kind');
  if (kindClusters().includes(CLUSTER)) run('kind', 'delete', 'cluster', '--name', CLUSTER);
  else console.log(`There is no kind cluster named ${CLUSTER}.`);
}

try {
  const { values, positionals: [command] } = parseArgs({
    allowPositionals: true,
    options: {
      image: { type: 'string' },
      'mongo-image': { type: 'string' },
      overlay: { type: 'string', default: 'kind' },
      yes: { type: 'boolean', default: false },
    },
  });
  if (command === 'up') await up();
  else if (command === 'deploy') await deploy(values);
  else if (command === 'down') down();
  else throw new Error('Usage: deploy.ts up | deploy | down');
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
