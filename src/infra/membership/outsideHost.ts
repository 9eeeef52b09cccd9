import type { NetworkInterfaceInfo } from 'node:os';

/** Networks between this machine and its own containers or virtual machines: no other host is on them. */
const INNER = /^(docker|br-|veth|virbr|cni|cali|flannel|podman|lxc|vmnet)/;

/**
 * The address at which other hosts reach this machine (in a container, the container): that of one
 * of its network interfaces, IPv4 before IPv6, or else its hostname. Only a guess: the address
 * check verifies it.
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

/** Valid on one link only, and only with a zone that names it. */
function isLinkLocal(address: string): boolean {
  return /^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(address);
}
