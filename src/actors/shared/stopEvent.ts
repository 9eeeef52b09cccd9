/** Orderly shutdown. */
export type StopEvent = { type: 'STOP' };
