/** How fast somebody may write: more than anybody types, less than a program that floods. Pure: instants in, yes or no out. */

/** As the server has it where it passes lines on: so many at once, … */
const BURST = 10;
/** … and so many each second after that. */
const PER_SECOND = 0.5;

export class Bucket {
  private left = BURST;
  private at: number | null = null;

  /** Whether one more is allowed now; `at` in milliseconds that only grow. */
  take(at: number): boolean {
    if (this.at !== null) this.left = Math.min(BURST, this.left + ((at - this.at) / 1_000) * PER_SECOND);
    this.at = at;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}
