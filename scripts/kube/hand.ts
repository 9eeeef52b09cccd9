/**
 * A hand on a node: a pod that sees the processes of the other pods there and sends signals to those of its own
 * user. That is how kill -9 gets to a container's first process, which is immune to it from within. It needs
 * the right to make pods that share their node's process ids, in the namespace `default`; nothing else.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiServer } from './apiServer.ts';
import { isReady, type Pod, podsPath, throughPod } from './pods.ts';

const NAMESPACE = 'default';
const PORT = 8099;
const START_LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 200;
/** It ends by itself, whatever becomes of this process. */
const LIFE_S = 3600;

/** Runs in the pod. `GET /SECRET?pod=NAME&signal=SIGKILL` answers with the process's id on the node, or null. */
const PROGRAM = `
const { readdirSync, readFileSync } = require('node:fs');
const read = (pid, what) => { try { return readFileSync('/proc/' + pid + '/' + what, 'utf8'); } catch { return ''; } };
const isFirst = (pid) => /^NSpid:.*\\t1$/m.test(read(pid, 'status'));
const isOf = (pid, pod) => read(pid, 'environ').split('\\0').includes('HOSTNAME=' + pod);
require('node:http').createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://hand');
  if (pathname === '/') return response.end('ready');
  if (pathname !== '/' + process.env.SECRET) return response.writeHead(404).end();
  const pod = searchParams.get('pod');
  const pid = readdirSync('/proc').find((name) => /^\\d+$/.test(name) && isOf(name, pod) && isFirst(name));
  if (pid) process.kill(Number(pid), searchParams.get('signal'));
  response.end(JSON.stringify({ pid: pid ? Number(pid) : null }));
}).listen(${PORT});
process.on('SIGTERM', () => process.exit(0));
`;

export interface Hand {
  /** To the first process of the pod's container; resolves with its id on the node, null if there is none. */
  signal(pod: string, signal: string): Promise<number | null>;
  close(): Promise<void>;
}

/** On the node of that pod, with its image (which has Node.js) and its user. */
export async function handOn(api: ApiServer, { spec }: Pod): Promise<Hand> {
  const secret = randomUUID();
  const pods = podsPath(NAMESPACE);
  const { metadata: { name } } = await api.post<Pod>(pods, handPod(spec, secret));
  const at = throughPod(NAMESPACE, name, PORT);
  const close = async () => void await api.remove(`${pods}/${name}`, { gracePeriodSeconds: 1 });
  try {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!isReady(await api.get<Pod>(`${pods}/${name}`))) {
      if (performance.now() > deadlineMs) {
        throw new Error(`the pod ${NAMESPACE}/${name} does not become ready`);
      }
      await delay(LOOK_EVERY_MS);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    signal: async (pod, signal) =>
      (await api.get<{ pid: number | null }>(`${at}/${secret}?pod=${pod}&signal=${signal}`)).pid,
    close,
  };
}

function handPod({ nodeName, securityContext, containers }: Pod['spec'], secret: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'hascheduler-hand-', labels: { 'app.kubernetes.io/name': 'hascheduler-hand' } },
    spec: {
      nodeName,
      hostPID: true,
      restartPolicy: 'Never',
      activeDeadlineSeconds: LIFE_S,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      // Of the same user and group it may look at them, and send them signals: no capability is needed.
      securityContext,
      containers: [{
        name: 'hand',
        image: containers[0]?.image,
        command: ['node', '-e', PROGRAM],
        env: [{ name: 'SECRET', value: secret }],
        readinessProbe: { httpGet: { path: '/', port: PORT }, periodSeconds: 1 },
        resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      }],
    },
  };
}
