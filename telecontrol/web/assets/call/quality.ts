/** Judges from counters whether the other side is seen and heard. Pure: samples and instants in, a verdict out. */

/** Milliseconds without any decoded frame after which an attempt is given up (CALL.md: 8 s). */
export const GIVE_UP_MS = 8_000;
/** Milliseconds without a new frame after which a moving picture is called poor. */
export const STALL_MS = 3_000;
/** Share of lost packets over the last seconds above which picture and sound suffer. */
const POOR_LOSS = 0.1;
/** Bits per second below which a picture that is sent takes the room that the sound needs. */
const POOR_BITRATE = 80_000;
/** A gap between two samples longer than this means that the page slept: nobody is blamed for it. */
const SLEPT_MS = 5_000;

export interface Sample {
  at: number;
  frames: number;
  audioPackets: number;
  lost: number;
  received: number;
  /** Bits per second that the network is thought to take from here; undefined when nobody knows. */
  outgoing?: number;
}

export interface Expected {
  /** The other side sends a picture, and we want it. */
  video: boolean;
  audio: boolean;
  /** This side sends a picture. */
  isSendingVideo?: boolean;
  /** This page, or the other, is hidden: a still picture is nobody's fault. */
  isExcused: boolean;
  isConnected: boolean;
}

export type Verdict = "none" | "live" | "poor" | "dead";

export class Judge {
  private progressAt: number;
  private isLive = false;
  private loss = 0;

  /** `last`: what was counted before, where a connection that stands is looked at anew. */
  constructor(
    startedAt: number,
    private last: Sample | null = null,
  ) {
    this.progressAt = startedAt;
  }

  judge(sample: Sample, expected: Expected): Verdict {
    const last = this.last;
    this.last = sample;
    const slept = last !== null && sample.at - last.at > SLEPT_MS;
    if (this.hasProgressed(sample, last, expected)) {
      this.isLive = true;
      this.progressAt = sample.at;
    } else if (expected.isExcused || slept) {
      this.progressAt = sample.at;
    }
    const still = sample.at - this.progressAt;
    if (still >= GIVE_UP_MS) return "dead";
    if (!this.isLive) return "none";
    if (last !== null) this.loss = this.smoothedLoss(sample, last);
    const isNarrow = expected.isSendingVideo === true && sample.outgoing !== undefined && sample.outgoing < POOR_BITRATE;
    return still >= STALL_MS || this.loss > POOR_LOSS || isNarrow ? "poor" : "live";
  }

  /** Picture when one is sent, else sound, else the bare connection. */
  private hasProgressed(sample: Sample, last: Sample | null, expected: Expected): boolean {
    if (expected.video) return sample.frames > (last?.frames ?? 0);
    if (expected.audio) return sample.audioPackets > (last?.audioPackets ?? 0);
    return expected.isConnected;
  }

  private smoothedLoss(sample: Sample, last: Sample): number {
    const lost = Math.max(0, sample.lost - last.lost);
    const received = Math.max(0, sample.received - last.received);
    const share = lost + received === 0 ? 0 : lost / (lost + received);
    return this.loss * 0.6 + share * 0.4;
  }
}
