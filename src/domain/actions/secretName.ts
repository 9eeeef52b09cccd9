import { short } from '../shared/text.ts';

/** Secrets are named alike in schedules, files and environment variables. */
export function isSecretName(name: string): boolean {
  return /^[A-Z0-9_]{1,64}$/.test(name);
}

/** A sentence about a name that no secret can have; null for another. */
export function secretNameProblem(name: string): string | null {
  return isSecretName(name) ? null : `${short(name)} can't name a secret; write 1 to 64 of A-Z 0-9 _`;
}
