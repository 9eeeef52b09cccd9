/** The values of settings: each function reads one from its text, or throws what is wrong, as the end of a sentence. */
import { hostName } from '../domain/membership/hostNames.ts';
import { parseDuration } from '../domain/timing/duration.ts';
import { LOG_LEVELS, type LogLevel } from './log/log.ts';
import { mongoClient } from './mongo/shared/client.ts';

export type InspectTarget = (typeof INSPECT_TARGETS)[number];

const INSPECT_TARGETS = ['stately', 'sse'] as const;

/** The largest number of places that can be configured (G9). */
const MAX_PLACES = 10_000;

export const MEMORY_URI = 'memory:';

export function parseHost(value: string): string {
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
export function isWildcard(host: string): boolean {
  const url = `http://${bracketed(host)}`;
  return URL.canParse(url) && ['0.0.0.0', '[::]', '[::ffff:0:0]'].includes(new URL(url).hostname);
}

export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

export function parsePort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw new Error('a port is a number from 1 to 65535');
  return port;
}

export function parseMongoUri(value: string): string {
  if (value === MEMORY_URI) return value;
  // Parses all of it, and opens no connection.
  mongoClient(value);
  return value;
}

export function parseDatabase(value: string): string {
  if (!/^[A-Za-z0-9_-]{1,38}$/.test(value)) throw new Error('a database name has 1 to 38 of A-Z a-z 0-9 _ -');
  return value;
}

export function parseReplica(value: string): string {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(value)) {
    throw new Error("a replica's name has 1 to 128 of A-Z a-z 0-9 . _ -");
  }
  return value;
}

export function parseAddress(value: string): string {
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

export function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value.toLowerCase());
  if (level === undefined) throw new Error(`a log level is one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

export function parseInspect(value: string): InspectTarget[] {
  const names = value.split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== '');
  const targets = names.map((name) => INSPECT_TARGETS.find((known) => known === name));
  if (targets.includes(undefined)) {
    throw new Error(
      `what the actors do can be shown by ${INSPECT_TARGETS.join(', by ')}, or by both: stately,sse`,
    );
  }
  return [...new Set(targets as InspectTarget[])];
}

export function parseCount(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error('it must be a whole number from 1 to 999999999');
  return Number(value);
}

export function parsePlaces(value: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value) || Number(value) > MAX_PLACES) {
    throw new Error(`it must be a whole number from 1 to ${MAX_PLACES}`);
  }
  return Number(value);
}

export function parseYesOrNo(value: string): boolean {
  if (value !== 'true' && value !== 'false') throw new Error('it must be true or false');
  return value === 'true';
}

export function parsePositive(value: string): number {
  const durationMs = parseDuration(value);
  if (!(durationMs > 0)) throw new Error('it must be longer than 0');
  return durationMs;
}
