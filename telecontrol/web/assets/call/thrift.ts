/**
 * Gives up pictures for the sake of the sound on a network that stays poor, and tries them again by itself. Pure: what is seen
 * and when in, what to do out.
 */
import type { Quality } from "./types";

/** Milliseconds of poor picture, not made up for by good ones, after which the picture is given up. */
const TOO_MUCH_MS = 8_000;
/** Somebody who asks for the picture back is given longer before it is taken away again. */
const INDULGENCE_MS = 12_000;
/** Milliseconds of good sound before the picture is tried again: doubled each time that it had to be given up anew. */
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 240_000;
/** A gap longer than this means that the page slept. */
const SLEPT_MS = 3_000;

export class Thrift {
  private bad = 0;
  private good = 0;
  private wait = FIRST_WAIT_MS;
  private last: number | null = null;

  /** `isSaving`: pictures are given up now. The answer is "save" or "try", once, or null for going on as it is. */
  see(quality: Quality, at: number, isSaving: boolean): "save" | "try" | null {
    const elapsed = this.last === null || at - this.last > SLEPT_MS ? 0 : at - this.last;
    this.last = at;
    if (quality === "none") return null;
    return isSaving ? this.whileSaving(quality, elapsed) : this.whileSeeing(quality, elapsed);
  }

  /** A person decided: the count begins anew, in their favour. */
  indulge(): void {
    this.bad = -INDULGENCE_MS;
    this.good = 0;
    this.wait = FIRST_WAIT_MS;
  }

  private whileSeeing(quality: Quality, elapsed: number): "save" | null {
    this.good = quality === "live" ? this.good + elapsed : 0;
    if (quality === "poor") this.bad += elapsed;
    else this.bad = this.bad > 0 ? Math.max(0, this.bad - elapsed / 2) : this.bad;
    if (this.good >= LONGEST_WAIT_MS) this.wait = FIRST_WAIT_MS;
    if (this.bad < TOO_MUCH_MS) return null;
    this.bad = this.good = 0;
    return "save";
  }

  private whileSaving(quality: Quality, elapsed: number): "try" | null {
    this.good = quality === "live" ? this.good + elapsed : 0;
    if (this.good < this.wait) return null;
    this.good = 0;
    this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 2);
    return "try";
  }
}
