/** The system's Chromium, for the tests of the page and its screenshots. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** CHROMIUM_BINARY, or the first on the PATH; null with the places searched. */
export function findChromium(): { binary: string | null; tried: string[] } {
  const given = process.env.CHROMIUM_BINARY;
  if (given) {
    return isExecutable(given)
      ? { binary: given, tried: [] }
      : { binary: null, tried: [`CHROMIUM_BINARY is ${given}, which is not executable`] };
  }
  const dirs = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const found = NAMES.flatMap((name) => dirs.map((dir) => join(dir, name))).find(isExecutable);
  return found ? { binary: found, tried: [] } : { binary: null, tried: [`${NAMES.join(', ')} on the PATH`] };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
