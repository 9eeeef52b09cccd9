/** The replicas behind the front door: which are ready, whose turn it is, and which have fallen silent. */
import type { Clock } from '../../actors/shared/environment.ts';
import { probeForever, type ProbeTiming, SilenceDetector } from './probes.ts';

export interface UpstreamAddress {
  id: string;
  /** On 127.0.0.1. */
  port: number;
}

export interface Upstream extends UpstreamAddress {
  silence: SilenceDetector;
}

export class Upstreams {
  readonly #all: readonly Upstream[];
  readonly #onChange: (ready: readonly string[]) => void;
  readonly #ready = new Set<string>();
  #turn = 0;

  /** No replica is ready before its first probe. `onChange` gets the ids of all ready ones. */
  constructor(addresses: readonly UpstreamAddress[], onChange: (ready: readonly string[]) => void) {
    this.#all = addresses.map((address) => ({ ...address, silence: new SilenceDetector() }));
    this.#onChange = onChange;
  }

  /** Returns the function that stops all probes. */
  probe(clock: Clock, timing: ProbeTiming): () => void {
    const stops = this.#all.map(({ id, port, silence }) =>
      probeForever(clock, port, timing, (result) => {
        this.#setReady(id, result === 'ready');
        silence.record(result);
      })
    );
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** The next ready replica in round-robin order, except these. */
  next(except: ReadonlySet<string>): Upstream | undefined {
    this.#turn = (this.#turn + 1) % this.#all.length;
    const inTurn = [...this.#all.slice(this.#turn), ...this.#all.slice(0, this.#turn)];
    return inTurn.find(({ id }) => this.#ready.has(id) && !except.has(id));
  }

  hasOther(except: ReadonlySet<string>): boolean {
    return this.#all.some(({ id }) => this.#ready.has(id) && !except.has(id));
  }

  /** Gets no requests until its next successful probe. */
  refusedConnection(id: string): void {
    this.#setReady(id, false);
  }

  #setReady(id: string, isReady: boolean): void {
    if (this.#ready.has(id) === isReady) return;
    if (isReady) this.#ready.add(id);
    else this.#ready.delete(id);
    this.#onChange(this.#all.map((upstream) => upstream.id).filter((each) => this.#ready.has(each)));
  }
}
