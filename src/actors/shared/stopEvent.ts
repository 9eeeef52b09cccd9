/** From main. */
export type StopEvent = { type: 'STOP' };
