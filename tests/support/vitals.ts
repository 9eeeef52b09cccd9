/** Of a replica that has just started. */
export const VITALS = {
  leads: false,
  term: 0,
  watermarkMs: null,
  schedules: 0,
  moments: 0,
  notUnderstood: 0,
  clockBehindMs: 0,
  liveJobs: 0,
  addressOk: null,
  leaderWatched: false,
};
