import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printableLine, printableText } from '../../../src/infra/log/printable.ts';

/** Everything that is not to reach a terminal, by what it would do there. */
const HARMFUL: [what: string, text: string, shown: string][] = [
  ['sets the title', '\u001b]0;X\u0007', '\\u001b]0;X\\u0007'],
  ['clears the screen', '\u001b[2J', '\\u001b[2J'],
  ['does so in one C1 character', '\u009b2J', '\\u009b2J'],
  ['takes back what was written', 'ab\b\r\u007f', 'ab\\u0008\\u000d\\u007f'],
  ['begins a line in some programs', '\u0085\u2028\u2029\v\f', '\\u0085\\u2028\\u2029\\u000b\\u000c'],
  ['reorders what follows', '\u202eabc\u2066d\u200f\u061c', '\\u202eabc\\u2066d\\u200f\\u061c'],
  ['has no width', 'a\u200bb\u2060\ufeff\u00ad', 'a\\u200bb\\u2060\\ufeff\\u00ad'],
  ['is a tag beyond U+FFFF', '\u{e0041}', '\\udb40\\udc41'],
  ['is half a character', '\ud800x', '\\ud800x'],
];

describe('what is printed', () => {
  for (const [what, text, shown] of HARMFUL) {
    it(`shows escaped what ${what}`, () => {
      assert.equal(printableLine(text), shown);
      assert.equal(printableText(text), shown);
      const json = printableLine(JSON.stringify({ [text]: text }));
      assert.match(json, /^[\x20-\x7e]*$/);
      assert.deepEqual(JSON.parse(json), { [text]: text }, 'the same JSON');
    });
  }

  it('leaves letters of all scripts as they are', () => {
    for (const text of ['Grüße, 日本語 עברית العربية 😀 é', 'a "b" \\u001b {}']) {
      assert.equal(printableLine(text), text);
    }
  });

  it('lets a text have lines and tabs, and a line none', () => {
    assert.equal(printableText('a\n\tb'), 'a\n\tb');
    assert.equal(printableLine('a\n\tb'), 'a\\u000a\\u0009b');
  });
});
