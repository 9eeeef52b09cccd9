/** The programs that deploying needs, and what to do when one is not there. */
import { spawnSync } from 'node:child_process';

interface Tool {
  name: string;
  /** Says whether it works: exit code 0. */
  check: readonly string[];
  howToGet: string;
  /** What to do when it is there and the check fails. */
  howToMend: string;
}

const TOOLS: Record<'docker' | 'kind' | 'kubectl', Tool> = {
  docker: {
    name: 'docker',
    check: ['docker', 'version', '--format', '{{.Server.Version}}'],
    howToGet: 'get Docker Desktop or Docker Engine: https://docs.docker.com/get-docker/',
    howToMend: 'start Docker Desktop, or the daemon: sudo systemctl start docker',
  },
  kind: {
    name: 'kind',
    check: ['kind', 'version'],
    howToGet: 'brew install kind, or go install sigs.k8s.io/kind@latest, or see https://kind.sigs.k8s.io/',
    howToMend: 'see https://kind.sigs.k8s.io/docs/user/known-issues/',
  },
  kubectl: {
    name: 'kubectl',
    check: ['kubectl', 'version', '--client'],
    howToGet: 'brew install kubectl, or see https://kubernetes.io/docs/tasks/tools/',
    howToMend: 'see https://kubernetes.io/docs/tasks/tools/',
  },
};

/** How a command ended: not at all, for want of a program, or with a code and its complaint. */
export type Ended = { code: number; complaint: string } | 'no such program';

/** A sentence for each tool that is not there, or does not work. */
export function missing(
  names: readonly (keyof typeof TOOLS)[],
  run: (command: readonly string[]) => Ended = runQuietly,
): string[] {
  return names.flatMap((name) => {
    const { check, howToGet, howToMend } = TOOLS[name];
    const ended = run(check);
    if (ended === 'no such program') return [`${name} is not installed: ${howToGet}.`];
    if (ended.code === 0) return [];
    const why = ended.complaint.trim().split('\n').at(-1);
    return [`${name} is installed, and does not work (${why || `exit code ${ended.code}`}): ${howToMend}.`];
  });
}

function runQuietly([command = '', ...args]: readonly string[]): Ended {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'no such program';
  return { code: status ?? 1, complaint: stderr || error?.message || '' };
}
