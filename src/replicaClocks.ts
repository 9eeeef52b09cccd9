import type { Clock } from './actors/shared/environment.ts';
import type { LeaseTiming } from './domain/leadership/leaseTiming.ts';
import { CLOCK_TOLERANCE_MS } from './domain/leadership/setBack.ts';
import { type SampleOf, ServerTime } from './domain/leadership/serverTime.ts';
import { TrustWindow } from './domain/leadership/trustWindow.ts';

/** The clocks by which one replica acts. Functions, so that each machine is given those that it needs. */
export class ReplicaClocks {
  readonly serverTime = new ServerTime();
  readonly trust: TrustWindow;
  readonly #clock: Clock;
  readonly #stepped: (stepMs: number) => void;
  #stepNoticedMs = -Infinity;

  /** `stepped` receives each step of the server's clock, ms. */
  constructor(clock: Clock, lease: LeaseTiming, stepped: (stepMs: number) => void) {
    this.#clock = clock;
    this.#stepped = stepped;
    this.trust = new TrustWindow(lease);
  }

  readonly monotonicMs = (): number => this.#clock.monotonic();

  /** The server's clock, epoch ms. */
  readonly serverNowMs = (): number => this.serverTime.nowMs(this.monotonicMs());

  /** The same; this machine's clock before the first sample. */
  readonly knownNowMs = (): number => this.serverTime.known ? this.serverNowMs() : this.#clock.now();

  /** When the server's clock was last found to have been set, monotonic ms; -Infinity if never. */
  readonly clockSetMs = (): number => this.#stepNoticedMs;

  /** Whether the trust window is open, so that a leader may act. */
  readonly isTrusted = (): boolean => this.trust.leftMs(this.monotonicMs()) > 0;

  /** Samples the server's clock, by a call sent and answered at these monotonic times, ms. */
  readonly sampled = (sentMs: number, receivedMs: number, serverMs: number, of: SampleOf): void => {
    const stepMs = this.serverTime.sample(sentMs, receivedMs, serverMs, of);
    if (Math.abs(stepMs) <= CLOCK_TOLERANCE_MS) return;
    this.#stepNoticedMs = this.monotonicMs();
    this.#stepped(stepMs);
  };
}
