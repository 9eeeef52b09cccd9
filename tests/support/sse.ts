/** Server-sent events as a client reads them. */
export interface SentEvent {
  id: string | null;
  event: string;
  // deno-lint-ignore no-explicit-any
  data: any;
}

export interface EventReader {
  /** Rejects when the stream ends, or breaks, before. */
  next(): Promise<SentEvent>;
  take(count: number): Promise<SentEvent[]>;
  /** All that comes until the stream ends. */
  rest(): Promise<SentEvent[]>;
  /** The next line that is no event. */
  comment(): Promise<string>;
  cancel(): Promise<void>;
}

export function readEvents(body: ReadableStream<Uint8Array>): EventReader {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const comments: string[] = [];
  const events: SentEvent[] = [];
  let text = '';

  /** False at the end. */
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (done) return false;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() as string;
    for (const block of blocks) parse(block);
    return true;
  };
  const parse = (block: string) => {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
      if (name === '') comments.push(value);
      else fields.set(name, value);
    }
    const data = fields.get('data');
    if (data === undefined) return;
    events.push({
      id: fields.get('id') ?? null,
      event: fields.get('event') ?? 'message',
      data: JSON.parse(data),
    });
  };
  const next = async (): Promise<SentEvent> => {
    for (;;) {
      const event = events.shift();
      if (event) return event;
      if (!(await read())) throw new Error('the stream of events has ended');
    }
  };
  return {
    next,
    async take(count) {
      const taken: SentEvent[] = [];
      while (taken.length < count) taken.push(await next());
      return taken;
    },
    async rest() {
      while (await read());
      return events.splice(0);
    },
    async comment() {
      while (comments.length === 0 && await read());
      return comments.shift() ?? 'the stream has ended';
    },
    cancel: () => reader.cancel(),
  };
}
