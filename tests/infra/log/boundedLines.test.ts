import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedLines } from '../../../src/infra/log/boundedLines.ts';
import { rest } from '../../../harness/sim/clock.ts';

const MIB = 1024 * 1024;

/** A reader that takes a write when the test says so. */
function reader() {
  const read: string[] = [];
  const open: { text: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  let refuses = false;
  const lines = new BoundedLines({
    gap: (count) => `<${count} missing>\n`,
    write: (text) =>
      new Promise((resolve, reject) => {
        if (refuses) return reject(new Error('EPIPE'));
        open.push({ text, resolve, reject });
      }),
  });
  /** Takes everything, until nothing comes any more. */
  async function takeAll(): Promise<void> {
    await rest();
    while (open.length > 0) {
      assert.equal(open.length, 1, 'one write at a time');
      const { text, resolve } = open.pop()!;
      read.push(...text.split('\n').slice(0, -1));
      resolve();
      await rest();
    }
  }
  return { lines, read, takeAll, open, refuse: (now: boolean) => refuses = now };
}

/** A line of 1 KiB. */
const line = (n: number) => `${n} `.padEnd(1023, '.') + '\n';
const numberOf = (text: string) => parseInt(text);

describe('lines on their way out', () => {
  it('are written in order, many at a time', async () => {
    const { lines, read, takeAll, open } = reader();
    for (let n = 0; n < 200; n++) lines.write(line(n));
    await rest();
    assert.equal(open[0]!.text.length, 64 * 1024);
    await takeAll();
    assert.deepEqual(read.map(numberOf), Array.from({ length: 200 }, (_, n) => n));
    assert.deepEqual(lines.losses(), { lines: 0, failures: 0 });
  });

  it('are dropped past 8 MiB while nothing is read, and once it is, one line says how many (G9)', async () => {
    const { lines, read, takeAll } = reader();
    const count = 20 * 1024;
    for (let n = 0; n < count; n++) lines.write(line(n));
    assert.deepEqual(lines.losses(), { lines: count - 8 * 1024, failures: 0 });
    await takeAll();
    assert.deepEqual(read.slice(0, -1).map(numberOf), Array.from({ length: 8 * MIB / 1024 }, (_, n) => n));
    assert.equal(read.at(-1), `<${count - 8 * 1024} missing>`);
    lines.write(line(count));
    await takeAll();
    assert.equal(numberOf(read.at(-1)!), count);
  });

  it('are taken again when half of the room is free, so that gaps are few, each where it belongs', async () => {
    const { lines, read, takeAll, open } = reader();
    const takeOne = async () => {
      const { text, resolve } = open.pop()!;
      read.push(...text.split('\n').slice(0, -1));
      resolve();
      await rest();
    };
    for (let n = 0; n < 9 * 1024; n++) lines.write(line(n));
    await rest();
    // A slow reader: 64 lines are read for 64 that come, and then it is quicker for a while.
    let n = 9 * 1024;
    for (let taken = 0; taken < 60; taken++) {
      await takeOne();
      for (let i = 0; i < 64; i++) lines.write(line(n++));
    }
    for (let taken = 0; taken < 10; taken++) await takeOne();
    lines.write(line(n++));
    await takeAll();
    const gaps = read.filter((text) => text.startsWith('<'));
    assert.equal(gaps.length, 1);
    assert.equal(gaps[0], `<${lines.losses().lines} missing>`);
    assert.equal(read.length - 1 + lines.losses().lines, n, 'none is unaccounted for');
    assert.ok(read.indexOf(gaps[0]!) === read.length - 2, 'before the line that came after it');
  });

  it('that could not be written are counted, and told of once writing works again', async () => {
    const { lines, read, takeAll, refuse } = reader();
    refuse(true);
    for (let n = 0; n < 3; n++) {
      lines.write(line(n));
      await rest();
    }
    assert.deepEqual(lines.losses(), { lines: 3, failures: 3 });
    refuse(false);
    lines.write(line(3));
    await takeAll();
    assert.deepEqual(read.map((text) => text.slice(0, 2)), ['<3', '3 ']);
  });

  it('are waited for at the end, but not for ever', async () => {
    const { lines, takeAll, open } = reader();
    await lines.flush(60_000);
    lines.write(line(0));
    await rest();
    await lines.flush(1);
    assert.equal(open.length, 1);
    const flushed = lines.flush(60_000);
    await takeAll();
    await flushed;
  });
});
