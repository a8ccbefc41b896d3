// How long to wait for the next try: longer after each failure, and never all browsers at the same moment.
const FIRST = 500, LONGEST = 15_000, POLL = 10_000, MANY = 3;
let wait = FIRST, failed = 0;

export const patience = {
  restore() { [wait, failed] = [FIRST, 0]; },
  lose() {
    failed += 1;
    const pause = failed < MANY ? wait * (0.5 + Math.random()) : POLL;
    wait = Math.min(wait * 1.5, LONGEST);
    return pause;
  },
  get isLost() { return failed >= MANY; },
};
