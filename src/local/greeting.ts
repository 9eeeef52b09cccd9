/** What `npm start` prints once the cluster is ready: a summary, and on a terminal what to try. */
export function greeting(
  port: number,
  replicaCount: number,
  runtime: string,
): { summary: string; hints: string } {
  const url = `http://localhost:${port}`;
  const just = port === 8080 ? 'npx just' : `URL=${url} npx just`;
  const takeover = [
    `       ${just} kill-leader        kill -9 the leader, and measure the takeover`,
    `       ${just} pause-leader 6     freeze it for 6 s, and see it become a follower`,
  ];
  const replicas = replicaCount === 1 ? 'one replica' : `${replicaCount} replicas`;
  return {
    summary: `hascheduler runs: ${replicas} on ${runtime}, behind ${url}/`,
    hints: [
      '',
      `open   ${url}/`,
      'try    (in another terminal; `npx just` lists all)',
      `       ${just} create-schedule    fires every 300 ms, on the leader only`,
      ...(replicaCount > 1 ? takeover : []),
      `or     curl -X POST -H 'content-type: application/json' -d @payloads/create_schedule.json ${url}/schedules`,
      `       curl ${url}/schedules`,
      'note   http actions may reach this machine (HTTP_ACTION_ALLOW=loopback), for `npm run receiver`; a replica by itself refuses that',
      'stop   Ctrl-C',
      '',
    ].join('\n'),
  };
}
