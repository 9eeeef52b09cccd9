/** Pods, with the fields that the tools read. */
import type { ApiServer } from './apiServer.ts';

export interface Pod {
  metadata: {
    name: string;
    uid: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: {
    nodeName?: string;
    securityContext?: unknown;
    containers: { name: string; image: string }[];
  };
  status: {
    phase: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { name: string; restartCount: number; state?: { running?: unknown } }[];
  };
}

export const REPLICAS = 'app.kubernetes.io/name=hascheduler,app.kubernetes.io/component=replica';
export const MEMBERS = 'app.kubernetes.io/name=mongo';
export const API_PORT = 8080;

export const podsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

/** The path at which the API server forwards requests to the pod. */
export const throughPod = (namespace: string, pod: string, port: number) =>
  `${podsPath(namespace)}/${pod}:${port}/proxy`;

export async function listPods(api: ApiServer, namespace: string, selector: string): Promise<Pod[]> {
  const path = `${podsPath(namespace)}?labelSelector=${encodeURIComponent(selector)}`;
  return (await api.get<{ items: Pod[] }>(path)).items;
}

export function isReady({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined &&
    (status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
}
