/** A cluster whose replicas see each other die. */
import { SimCluster } from '../../support/simCluster.ts';

export async function seeing(): Promise<SimCluster> {
  const cluster = await SimCluster.ofThree();
  cluster.peers.noticeDeaths = true;
  await cluster.create('s', 20);
  await cluster.clock.advance(1000);
  return cluster;
}

/** Who leads among those that live. */
export function heirs(cluster: SimCluster, dead: readonly unknown[]) {
  return cluster.replicas.filter((each) => !dead.includes(each) && each.role === 'leader');
}
