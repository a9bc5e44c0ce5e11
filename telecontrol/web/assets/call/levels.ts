/** How loud a stream is, and whether a microphone that should be heard gives nothing at all. */

const FLOOR = 0.0005;

/** Root mean square of samples between -1 and 1. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

/** Tells when nothing at all was heard for `afterMs`; any sound starts the count again. Pure. */
export class SilenceWatch {
  private quietSince: number | null = null;

  constructor(private readonly afterMs = 12_000) {}

  /** `level` null: nothing can be said now (muted on purpose, or the browser does not measure). */
  hear(level: number | null, at: number): boolean {
    if (level === null || level > FLOOR) {
      this.quietSince = null;
      return false;
    }
    this.quietSince ??= at;
    return at - this.quietSince >= this.afterMs;
  }
}

let shared: AudioContext | null = null;

function context(): AudioContext | null {
  shared ??= typeof AudioContext === "function" ? new AudioContext() : null;
  return shared;
}

/** Browsers measure and ring only after somebody touched the page: call this from a click. */
export function wakeAudio(): void {
  if (context()?.state === "suspended") void context()?.resume();
}

export class Meter {
  private readonly source: MediaStreamAudioSourceNode | null = null;
  private readonly analyser: AnalyserNode | null = null;
  private readonly samples = new Float32Array(1024);

  constructor(stream: MediaStream) {
    const audio = context();
    if (audio === null || stream.getAudioTracks().length === 0) return;
    this.source = audio.createMediaStreamSource(stream);
    this.analyser = audio.createAnalyser();
    this.analyser.fftSize = 1024;
    this.source.connect(this.analyser);
  }

  /** Between 0 and 1, or null when the browser does not measure (yet). */
  level(): number | null {
    if (this.analyser === null || shared?.state !== "running") return null;
    this.analyser.getFloatTimeDomainData(this.samples);
    return loudness(this.samples);
  }

  close(): void {
    this.source?.disconnect();
    this.analyser?.disconnect();
  }
}

/** Two short notes: somebody is waiting. Silent where the browser does not allow it yet. `speakerId` where one was chosen. */
export async function chime(speakerId = ""): Promise<void> {
  const audio = context() as (AudioContext & { setSinkId?: (id: string) => Promise<void> }) | null;
  if (audio === null) return;
  if (speakerId !== "") await audio.setSinkId?.(speakerId).catch(() => undefined);
  if (audio.state !== "running") return;
  [660, 880].forEach((frequency, index) => {
    const start = audio.currentTime + index * 0.18;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.16);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.18);
  });
}
