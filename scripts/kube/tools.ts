/** The programs that a deployment needs, and how to install or repair them. */
import { spawnSync } from 'node:child_process';

interface Tool {
  name: string;
  /** Exits with 0 when the program works. */
  check: readonly string[];
  howToGet: string;
  /** What to do when it is installed and the check fails. */
  howToFix: string;
}

const TOOLS: Record<'docker' | 'kind' | 'kubectl', Tool> = {
  docker: {
    name: 'docker',
    check: ['docker', 'version', '--format', '{{.Server.Version}}'],
    howToGet: 'get Docker Desktop or Docker Engine: https://docs.docker.com/get-docker/',
    howToFix: 'start Docker Desktop, or the daemon: sudo systemctl start docker',
  },
  kind: {
    name: 'kind',
    check: ['kind', 'version'],
    howToGet: 'brew install kind, or go install sigs.k8s.io/kind@latest, or see https://kind.sigs.k8s.io/',
    howToFix: 'see https://kind.sigs.k8s.io/docs/user/known-issues/',
  },
  kubectl: {
    name: 'kubectl',
    check: ['kubectl', 'version', '--client'],
    howToGet: 'brew install kubectl, or see https://kubernetes.io/docs/tasks/tools/',
    howToFix: 'see https://kubernetes.io/docs/tasks/tools/',
  },
};

/** How a command ended; `stderr` is its error output. */
export type Ended = { code: number; stderr: string } | 'no such program';

/** A sentence for each tool that is not installed, or does not work. */
export function missing(
  names: readonly (keyof typeof TOOLS)[],
  run: (command: readonly string[]) => Ended = runQuietly,
): string[] {
  return names.flatMap((name) => {
    const { check, howToGet, howToFix } = TOOLS[name];
    const ended = run(check);
    if (ended === 'no such program') return [`${name} is not installed: ${howToGet}.`];
    if (ended.code === 0) return [];
    const why = ended.stderr.trim().split('\n').at(-1);
    return [`${name} is installed, but does not work (${why || `exit code ${ended.code}`}): ${howToFix}.`];
  });
}

function runQuietly([command = '', ...args]: readonly string[]): Ended {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'no such program';
  return { code: status ?? 1, stderr: stderr || error?.message || '' };
}
