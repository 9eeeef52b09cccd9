/** A generated overlay on top of one in k8s/overlays, with other images and possibly another namespace. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PROJECT_DIR } from '../../src/local/runtime.ts';

export interface OverlayOptions {
  /** One of k8s/overlays. */
  on: string;
  /** By the names that the manifests use: `{ hascheduler: 'registry.example/hascheduler:1.2' }`. */
  images: Readonly<Record<string, string>>;
  /** Instead of the overlay's. */
  namespace?: string;
  /** Without the node port, which can exist only once in a cluster. */
  withoutNodePort?: boolean;
}

/** Writes it below .data; resolves with its directory, for `kubectl apply -k`. */
export async function writeOverlay(options: OverlayOptions): Promise<string> {
  const dir = join(PROJECT_DIR, '.data', 'k8s', options.namespace ?? options.on);
  await mkdir(dir, { recursive: true });
  const base = relative(dir, join(PROJECT_DIR, 'k8s', 'overlays', options.on));
  // JSON is valid YAML.
  await writeFile(join(dir, 'kustomization.yaml'), JSON.stringify(kustomization(base, options), null, 2));
  return dir;
}

export function kustomization(base: string, { images, namespace, withoutNodePort = false }: OverlayOptions) {
  const clusterIp = [
    { op: 'replace', path: '/spec/type', value: 'ClusterIP' },
    { op: 'remove', path: '/spec/ports/0/nodePort' },
  ];
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [base],
    ...(namespace && { namespace }),
    images: Object.entries(images).map(([name, image]) => ({ name, ...parseImage(image) })),
    ...(withoutNodePort && {
      patches: [{
        target: { kind: 'Service', name: 'hascheduler-node-port' },
        patch: JSON.stringify(clusterIp),
      }],
    }),
  };
}

/** The parts of `name:tag` or `name@digest`, by kustomize's names. A port in the name is not a tag. */
export function parseImage(image: string): { newName: string; newTag?: string; digest?: string } {
  const [, newName, digest] = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
  if (newName && digest) return { newName, digest };
  const [, name, tag] = /^(.+):([\w][\w.-]{0,127})$/.exec(image) ?? [];
  return name && tag && !tag.includes('/') ? { newName: name, newTag: tag } : { newName: image };
}
