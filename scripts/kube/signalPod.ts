/**
 * A pod that sends signals to processes of other pods on its node, with their user and in the node's process
 * namespace. From within its own container, the first process can't be killed with SIGKILL. Needs permission to
 * create pods with `hostPID` in the namespace `default`, and nothing else.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiServer } from './apiServer.ts';
import { isReady, type Pod, podsPath, throughPod } from './pods.ts';

const NAMESPACE = 'default';
const PORT = 8099;
const START_LIMIT_MS = 120_000;
const POLL_EVERY_MS = 200;
/** The pod ends after this even if this process can't delete it. */
const POD_LIFETIME_S = 3600;

/** Runs in the pod. `GET /SECRET?pod=NAME&signal=SIGKILL` answers with the process's id on the node, or null. */
const PROGRAM = `
const { readdirSync, readFileSync } = require('node:fs');
const read = (pid, what) => { try { return readFileSync('/proc/' + pid + '/' + what, 'utf8'); } catch { return ''; } };
const isFirst = (pid) => /^NSpid:.*\\t1$/m.test(read(pid, 'status'));
const isOf = (pid, pod) => read(pid, 'environ').split('\\0').includes('HOSTNAME=' + pod);
require('node:http').createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://signal-pod');
  if (pathname === '/') return response.end('ready');
  if (pathname !== '/' + process.env.SECRET) return response.writeHead(404).end();
  const pod = searchParams.get('pod');
  const pid = readdirSync('/proc').find((name) => /^\\d+$/.test(name) && isOf(name, pod) && isFirst(name));
  if (pid) process.kill(Number(pid), searchParams.get('signal'));
  response.end(JSON.stringify({ pid: pid ? Number(pid) : null }));
}).listen(${PORT});
process.on('SIGTERM', () => process.exit(0));
`;

export interface SignalPod {
  /** To the first process of the pod's container; resolves with its pid on the node, null when there is none. */
  signal(pod: string, signal: string): Promise<number | null>;
  close(): Promise<void>;
}

/** Runs on the node of the target pod, with its image (which has Node.js) and its user. */
export async function startSignalPod(api: ApiServer, { spec }: Pod): Promise<SignalPod> {
  const secret = randomUUID();
  const pods = podsPath(NAMESPACE);
  const { metadata: { name } } = await api.post<Pod>(pods, signalPod(spec, secret));
  const at = throughPod(NAMESPACE, name, PORT);
  const close = async () => void await api.remove(`${pods}/${name}`, { gracePeriodSeconds: 1 });
  try {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!isReady(await api.get<Pod>(`${pods}/${name}`))) {
      if (performance.now() > deadlineMs) {
        throw new Error(`the pod ${NAMESPACE}/${name} is not ready after ${START_LIMIT_MS / 1000} s`);
      }
      await delay(POLL_EVERY_MS);
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

function signalPod({ nodeName, securityContext, containers }: Pod['spec'], secret: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'hascheduler-signal-',
      labels: { 'app.kubernetes.io/name': 'hascheduler-signal' },
    },
    spec: {
      nodeName,
      hostPID: true,
      restartPolicy: 'Never',
      activeDeadlineSeconds: POD_LIFETIME_S,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      // With the same user and group, no capability is needed to see the processes and to signal them.
      securityContext,
      containers: [{
        name: 'signal',
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
