import type { Capacity } from '../domain/schedules/capacity.ts';
import { type LeaseTiming, leaseTimingProblems } from '../domain/leadership/leaseTiming.ts';
import type { TargetRules } from './actions/http/addresses.ts';
import { parseAddressList } from './actions/http/addressList.ts';
import {
  bracketed,
  type InspectTarget,
  isWildcard,
  parseAddress,
  parseCount,
  parseDatabase,
  parseHost,
  parseHostNames,
  parseInspect,
  parseLogLevel,
  parseMongoUri,
  parsePlaces,
  parsePort,
  parsePositive,
  parseReplica,
  parseYesOrNo,
} from './configValues.ts';
import type { LogLevel } from './log/log.ts';

/** One replica's configuration, from its environment. */
export interface Config {
  mongoUri: string;
  database: string;
  host: string;
  /** Host names that the API accepts, beside its own. */
  hostNames: string[];
  /** Shared by the front door of a local cluster and its replicas; null elsewhere. */
  doorSecret: string | null;
  /** HOST is not set. */
  hostIsDefault: boolean;
  port: number;
  /** This replica's name. */
  replica: string;
  /** URL at which others reach this replica's API. */
  address: string;
  logLevel: LogLevel;
  lease: LeaseTiming;
  /** Limits on what every replica holds in memory. */
  limits: Capacity;
  graceMs: number;
  /** Runs that this replica executes at a time, at most. */
  maxRuns: number;
  /** Whether it executes runs while another replica leads. */
  standbyExecutes: boolean;
  /** Directory with a file for each secret; null for none. */
  secretsDir: string | null;
  /** Which addresses the `http` action may send requests to. */
  targets: TargetRules;
  /** Where to show the actors' activity. */
  inspect: InspectTarget[];
  /** Port of the page that shows it through Stately. */
  inspectPort: number;
}

/** Variables whose values are never shown. */
const URIS = new Set(['MONGO_URI', 'ADDRESS']);

type Env = Record<string, string | undefined>;

/**
 * Reads the configuration. Reports all problems at once, a sentence each, rather than one per
 * start. `hostname` is this machine's, for when HOSTNAME is not set; `outside` is where others
 * reach this machine (see outsideHost), for when HOST does not say it.
 */
export function readConfig(
  env: Env,
  hostname: string,
  outside = hostname,
): { config: Config } | { problems: string[] } {
  const problems: string[] = [];
  const text = (name: string, fallback: string) => env[name]?.trim() || fallback;
  /** Undefined for a bad value: the configuration is then discarded. */
  const checked = <T>(name: string, fallback: string, parse: (value: string) => T): T | undefined => {
    const value = text(name, fallback);
    try {
      return parse(value);
    } catch (error) {
      problems.push(problemOf(name, value, error as Error));
      return undefined;
    }
  };
  const host = checked('HOST', '127.0.0.1', parseHost);
  const port = checked('PORT', '8080', parsePort);
  const lease = {
    durationMs: checked('LEASE_DURATION', '3s', parsePositive),
    retryMs: checked('LEASE_RETRY_PERIOD', '300ms', parsePositive),
    marginMs: checked('LEASE_MARGIN', '500ms', parsePositive),
  };
  const reached = host !== undefined && isWildcard(host) ? outside : host ?? '';
  const here = `http://${bracketed(reached)}:${port ?? ''}`;
  if (host && port && text('ADDRESS', '') === '' && !URL.canParse(here)) {
    problems.push(
      `HOST=${JSON.stringify(host)}: others can't reach that as it is; set ADDRESS to what they can`,
    );
  }
  const config = {
    mongoUri: checked('MONGO_URI', 'mongodb://mongo:27017/?connect=direct', parseMongoUri),
    database: checked('MONGO_DATABASE', 'hascheduler', parseDatabase),
    host,
    hostNames: checked('HOST_NAMES', '', parseHostNames),
    doorSecret: text('FRONT_DOOR_SECRET', '') || null,
    hostIsDefault: text('HOST', '') === '',
    port,
    replica: checked('HOSTNAME', hostname, parseReplica),
    address: text('ADDRESS', '') === '' ? here : checked('ADDRESS', '', parseAddress),
    logLevel: checked('LOG_LEVEL', 'info', parseLogLevel),
    lease,
    limits: {
      schedules: checked('MAX_SCHEDULES', '100000', parseCount),
      moments: checked('MAX_MOMENTS', '2000000', parseCount),
    },
    graceMs: checked('GRACE_PERIOD', '20s', parsePositive),
    maxRuns: checked('MAX_CONCURRENT_RUNS', '500', parsePlaces),
    standbyExecutes: checked('STANDBY_EXECUTES', 'true', parseYesOrNo),
    secretsDir: text('SECRETS_DIR', '') || null,
    targets: {
      allow: checked('HTTP_ACTION_ALLOW', '', parseAddressList),
      deny: checked('HTTP_ACTION_DENY', '', parseAddressList),
    },
    inspect: checked('INSPECT', '', parseInspect),
    inspectPort: checked('INSPECT_PORT', '8090', parsePort),
  };
  if (problems.length > 0) return { problems };
  const timing = leaseTimingProblems(lease as LeaseTiming);
  if (timing.length === 0) return { config: config as Config };
  return {
    problems: timing.map((problem) => `LEASE_DURATION, LEASE_RETRY_PERIOD, LEASE_MARGIN: ${problem}`),
  };
}

/** Any part of a URI may hold a secret, and a URI may be set in the wrong variable. */
function problemOf(name: string, value: string, { message }: Error): string {
  if (URIS.has(name)) return `${name} (not shown here): ${message}`;
  if (!/@|:\/\//.test(value)) return `${name}=${JSON.stringify(value)}: ${message}`;
  return `${name} (not shown here): this looks like a URI; only ${[...URIS].join(' and ')} are URIs`;
}
