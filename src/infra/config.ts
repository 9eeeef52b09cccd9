import { parseDuration } from '../domain/timing/duration.ts';
import { hostName } from '../domain/membership/hostNames.ts';
import type { Capacity } from '../domain/schedules/capacity.ts';
import { type LeaseTiming, leaseTimingProblems } from '../domain/leadership/leaseTiming.ts';
import type { TargetRules } from './actions/http/addresses.ts';
import { parseAddressList } from './actions/http/addressList.ts';
import { LOG_LEVELS, type LogLevel } from './log/log.ts';
import { mongoClient } from './mongo/shared/client.ts';

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

export type InspectTarget = (typeof INSPECT_TARGETS)[number];

const INSPECT_TARGETS = ['stately', 'sse'] as const;

/** Runs of one replica at a time, at most, whatever is configured (G9). */
const MAX_PLACES = 10_000;

export const MEMORY_URI = 'memory:';

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

function parseHost(value: string): string {
  if (!/^[A-Za-z0-9._:%-]+$/.test(value)) {
    throw new Error('a host is a name or an address, such as 0.0.0.0 or ::1');
  }
  return value;
}

/** Names without a port, separated by commas, normalized. */
export function parseHostNames(value: string): string[] {
  const written = value.split(',').map((name) => name.trim()).filter((name) => name !== '');
  const problems = written.flatMap((name) => hostNameProblem(name) ?? []);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return [...new Set(written.map((name) => hostName(name) as string))];
}

function hostNameProblem(name: string): string | null {
  const shown = JSON.stringify(name);
  if (name.includes('*')) return `${shown} has a *, but wildcards are not supported; write each name`;
  if (/^(\[.*\]|[^:]*):\d+$/.test(name)) return `${shown} has a port; leave it out, any port is meant`;
  if (hostName(name) === null) {
    return `${shown} is not a host name; write names such as jobs.example, 10.0.0.7 or [fd00::7], with commas between`;
  }
  return null;
}

/** Whether the host is a wildcard address: good to listen on, not to connect to. */
function isWildcard(host: string): boolean {
  const url = `http://${bracketed(host)}`;
  return URL.canParse(url) && ['0.0.0.0', '[::]', '[::ffff:0:0]'].includes(new URL(url).hostname);
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function parsePort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw new Error('a port is a number from 1 to 65535');
  return port;
}

function parseMongoUri(value: string): string {
  if (value === MEMORY_URI) return value;
  // Parses all of it, and opens no connection.
  mongoClient(value);
  return value;
}

function parseDatabase(value: string): string {
  if (!/^[A-Za-z0-9_-]{1,38}$/.test(value)) throw new Error('a database name has 1 to 38 of A-Z a-z 0-9 _ -');
  return value;
}

function parseReplica(value: string): string {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(value)) {
    throw new Error("a replica's name has 1 to 128 of A-Z a-z 0-9 . _ -");
  }
  return value;
}

function parseAddress(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error('an address looks like http://10.0.0.7:8080, or http://[fd00::7]:8080');
  }
  if (url.username !== '' || url.password !== '' || value.includes('@')) {
    throw new Error('an address has no user name and no password: /cluster shows it to every client');
  }
  if (/[?#]/.test(value)) throw new Error('an address has no query and no fragment: paths are added to it');
  if (isWildcard(url.hostname)) {
    throw new Error(
      'that is a wildcard address, which leads every client to itself: write one that leads to this replica',
    );
  }
  return url.href.replace(/\/+$/, '');
}

function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value.toLowerCase());
  if (level === undefined) throw new Error(`a log level is one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

function parseInspect(value: string): InspectTarget[] {
  const names = value.split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== '');
  const targets = names.map((name) => INSPECT_TARGETS.find((known) => known === name));
  if (targets.includes(undefined)) {
    throw new Error(
      `what the actors do can be shown by ${INSPECT_TARGETS.join(', by ')}, or by both: stately,sse`,
    );
  }
  return [...new Set(targets as InspectTarget[])];
}

function parseCount(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error('it must be a whole number from 1 to 999999999');
  return Number(value);
}

function parsePlaces(value: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value) || Number(value) > MAX_PLACES) {
    throw new Error(`it must be a whole number from 1 to ${MAX_PLACES}`);
  }
  return Number(value);
}

function parseYesOrNo(value: string): boolean {
  if (value !== 'true' && value !== 'false') throw new Error('it must be true or false');
  return value === 'true';
}

function parsePositive(value: string): number {
  const durationMs = parseDuration(value);
  if (!(durationMs > 0)) throw new Error('it must be longer than 0');
  return durationMs;
}
