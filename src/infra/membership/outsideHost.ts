import type { NetworkInterfaceInfo } from 'node:os';

/** Networks between this machine and its own containers or virtual machines: nobody else is on them. */
const INNER = /^(docker|br-|veth|virbr|cni|cali|flannel|podman|lxc|vmnet)/;

/**
 * Where others reach this machine, as far as it can tell by itself (in a container, the container): an address of
 * one of its network interfaces, IPv4 rather than IPv6, or else its name. No more than a guess: the check of the
 * address says whether it is right.
 */
export function outsideHost(
  interfaces: Record<string, NetworkInterfaceInfo[] | undefined>,
  hostname: string,
): string {
  const all = Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? []).map((info) => ({ ...info, isInner: INNER.test(name) }))
  ).filter(({ internal, address }) => !internal && !isLinkLocal(address));
  const preferred = [
    ...all.filter(({ family, isInner }) => family === 'IPv4' && !isInner),
    ...all.filter(({ family, isInner }) => family === 'IPv6' && !isInner),
    ...all.filter(({ isInner }) => isInner),
  ];
  return preferred[0]?.address ?? hostname;
}

/** Good on one cable only, and not without saying which. */
function isLinkLocal(address: string): boolean {
  return /^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(address);
}
