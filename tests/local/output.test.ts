import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { createOutput } from '../../src/local/output.ts';

function printing(options: { terminal: boolean; colour?: boolean }) {
  const lines: string[] = [];
  const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
  const out = createOutput({ colour: false, ...options, clock, write: (text) => void lines.push(text) });
  return { out, lines };
}

const LINE = JSON.stringify({
  time: '2026-01-02T10:20:30.400Z',
  level: 'warn',
  msg: 'lease lost',
  replica: 'replica-2',
  term: 3,
  why: 'no answer',
  holder: 'replica-1',
});

describe('output on a terminal', () => {
  it('shows a log line with the time, the replica, the level, the message and its fields', () => {
    const { out, lines } = printing({ terminal: true });
    out.replicaLine('replica-2', LINE);
    assert.deepEqual(lines, [
      '10:20:30.400 replica-2 WARN  lease lost term=3 why="no answer" holder=replica-1\n',
    ]);
  });

  it('shows any other line unchanged after the replica’s name', () => {
    const { out, lines } = printing({ terminal: true });
    out.replicaLine('replica-1', 'Error: {"x"}');
    out.replicaLine('replica-1', '{not json');
    out.say('hello');
    out.hint('try this');
    assert.deepEqual(lines, ['replica-1 Error: {"x"}\n', 'replica-1 {not json\n', 'hello\n', 'try this\n']);
  });

  it('is coloured on request, with a colour for each replica', () => {
    const { out, lines } = printing({ terminal: true, colour: true });
    out.replicaLine('replica-1', 'x');
    out.replicaLine('replica-2', 'x');
    assert.equal(lines[0], '\u001b[36mreplica-1\u001b[0m x\n');
    assert.equal(lines[1], '\u001b[35mreplica-2\u001b[0m x\n');
  });
});

/** Sets the title, clears the screen, reverses the text that follows. */
const HARMFUL = '\u001b]0;X\u0007\u009b2J\u202e\u2028';
const ESCAPED = '\\u001b]0;X\\u0007\\u009b2J\\u202e\\u2028';

describe('output', () => {
  it('contains no control sequences, from any source', () => {
    const { out, lines } = printing({ terminal: true });
    for (const field of ['time', 'level', 'msg', 'name', HARMFUL]) {
      out.replicaLine('replica-1', JSON.stringify({ time: '', msg: 'x', [field]: HARMFUL }));
    }
    out.replicaLine('replica-1', JSON.stringify({ msg: { [HARMFUL]: HARMFUL }, name: [HARMFUL] }));
    out.replicaLine('replica-1', HARMFUL);
    out.replicaLine('replica-1', `{"name":"${HARMFUL}`);
    out.say(HARMFUL, 'warn');
    assert.equal(lines.length, 9);
    for (const line of lines) {
      assert.match(line, /^[\x20-\x7e]*\n$/);
      assert.ok(line.toLowerCase().includes(ESCAPED.toLowerCase()), line);
    }
  });

  it('shows a log line on one line, and a message of two lines on two', () => {
    const { out, lines } = printing({ terminal: true });
    out.replicaLine(
      'replica-1',
      JSON.stringify({ time: 'T1', level: 'info', msg: 'a\n12:00 replica-2 INFO  b' }),
    );
    out.say('two\n  lines');
    assert.deepEqual(lines, ['1 replica-1 INFO  a\\u000a12:00 replica-2 INFO  b\n', 'two\n  lines\n']);
  });

  it('accepts any line that a replica may print', () => {
    const { out, lines } = printing({ terminal: true, colour: true });
    for (
      const odd of ['{}', '{"level":7,"time":null,"msg":[]}', '{"level":"constructor"}', '{"level":{"a":1}}']
    ) {
      out.replicaLine('replica-1', odd);
    }
    assert.equal(lines.length, 4);
    assert.ok(lines.every((line) => !line.includes('native code')));
  });

  it('contains no control sequences as JSON lines either, which may be shown later', () => {
    const { out, lines } = printing({ terminal: false });
    out.replicaLine('replica-1', JSON.stringify({ msg: HARMFUL, [HARMFUL]: HARMFUL }));
    out.replicaLine('replica-1', HARMFUL);
    out.say(HARMFUL);
    for (const line of lines) assert.match(line, /^[\x20-\x7e]*\n$/);
    assert.equal(JSON.parse(lines[0]!)[HARMFUL], HARMFUL);
  });
});

describe('output that is not for a terminal', () => {
  it('is JSON lines with a time, a message and the replica', () => {
    const { out, lines } = printing({ terminal: false });
    out.replicaLine('replica-2', LINE);
    out.replicaLine('replica-3', 'TypeError: x');
    out.say('ready', 'warn');
    out.hint('try this');
    const time = '2026-01-02T03:04:05.006Z';
    assert.deepEqual(lines.map((line) => JSON.parse(line)), [
      JSON.parse(LINE),
      { time, level: 'info', msg: 'TypeError: x', replica: 'replica-3' },
      { time, level: 'warn', msg: 'ready' },
    ]);
  });

  it('adds the replica to a line without one', () => {
    const { out, lines } = printing({ terminal: false });
    out.replicaLine('replica-1', '{"msg":"x"}');
    assert.deepEqual(lines, ['{"msg":"x","replica":"replica-1"}\n']);
  });
});
