/** One page's call: devices, provider and state machine together. It knows no element of the page. */
import { cameras, openDevices, openTrack, stop } from "./devices";
import { Emitter } from "./emitter";
import { Meter, SilenceWatch } from "./levels";
import { begin, reduce, stateOf, type Facts, type Input } from "./machine";
import type { Adapter, AdapterEvent, CallState, Media, Peer, Problem, Role, Statistics } from "./types";

export interface CallEvents {
  /** The state changed, or what is known beside it (delay, peer, reason). */
  change: { state: CallState; facts: Facts };
  peer: Peer;
  peerProblem: Problem;
  /** The doctor's wish was not granted: `nobody_waits`, `unavailable`. */
  refused: string;
  local: MediaStream;
  remote: MediaStream;
  media: Media;
  /** Something is wrong on this side; null when it is right again. */
  problem: Problem | null;
  /** Of the own microphone, between 0 and 1; null when it cannot be measured. */
  level: number | null;
}

const LEVEL_MS = 200;

export class Call extends Emitter<CallEvents> {
  private facts: Facts;
  private state: CallState = "idle";
  private local: MediaStream = new MediaStream();
  private wanted: Media = { audio: true, video: true, wantsVideo: true };
  private problem: Problem | null = null;
  private meter: Meter | null = null;
  private readonly silence = new SilenceWatch();
  private metering: ReturnType<typeof setInterval> | undefined;
  private wakeLock: WakeLockSentinel | null = null;
  private cameraIds: string[] = [];

  constructor(
    readonly role: Role,
    private readonly adapter: Adapter,
  ) {
    super();
    this.facts = begin(role);
    adapter.onEvent = (event) => this.take(event);
  }

  get current(): { state: CallState; facts: Facts; problem: Problem | null; media: Media } {
    return { state: this.state, facts: this.facts, problem: this.problem, media: this.media };
  }

  get hasSeveralCameras(): boolean {
    return this.cameraIds.length > 1;
  }

  /** Enter: the waiting room hears of it at once, whatever the browser asks about camera and microphone meanwhile. */
  async start(): Promise<void> {
    this.apply({ type: "start" });
    this.adapter.open();
    await this.openDevices();
  }

  /** Take the call back in this page after another one took it, or come back after leaving. */
  async resume(): Promise<void> {
    this.releaseDevices();
    await this.start();
  }

  retry(): void {
    if (this.state === "failed" && this.facts.reason !== "no_media") void this.resume();
    else this.adapter.retry();
  }

  /** Ask for camera and microphone again, after somebody allowed them. */
  async retryDevices(): Promise<void> {
    this.releaseDevices();
    await this.openDevices();
    for (const kind of ["audio", "video"] as const) this.adapter.replace(kind, this.track(kind));
    this.adapter.media(this.media);
  }

  setMicrophone(isOn: boolean): void {
    this.wanted = { ...this.wanted, audio: isOn };
    this.applyOrAsk(isOn, "audio");
  }

  setCamera(isOn: boolean): void {
    this.wanted = { ...this.wanted, video: isOn, wantsVideo: isOn ? true : this.wanted.wantsVideo };
    this.applyOrAsk(isOn, "video");
  }

  /** Neither send nor receive pictures: for a weak network, or by choice. */
  setSoundOnly(isOn: boolean): void {
    this.wanted = { ...this.wanted, video: !isOn, wantsVideo: !isOn };
    this.applyMedia();
  }

  async switchCamera(): Promise<void> {
    const present = this.local.getVideoTracks()[0];
    if (present === undefined || this.cameraIds.length < 2) return;
    const index = this.cameraIds.indexOf(present.getSettings().deviceId ?? "");
    const next = this.cameraIds[(index + 1) % this.cameraIds.length];
    // Telephones hold one camera at a time: the old one is let go first.
    present.stop();
    const track = (await openTrack("video", { cameraId: next })) ?? (await openTrack("video"));
    this.swap("video", track);
  }

  admit(): void {
    this.adapter.admit();
  }

  later(minutes: number): void {
    this.adapter.later(minutes);
  }

  leave(): void {
    this.adapter.bye(true);
    this.take({ type: "ended", reason: "left" });
  }

  finish(): void {
    this.adapter.finish();
  }

  /** Something that only the page notices, such as sound that the browser does not play. */
  report(code: Problem): void {
    this.adapter.problem(code);
  }

  /** The page is hidden or shown again. On a telephone the camera stops with it, and the other side is told. */
  setHidden(isHidden: boolean, isTelephone: boolean): void {
    if (isTelephone) this.adapter.hidden(isHidden);
    if (!isHidden) {
      this.adapter.wake();
      void this.keepAwake();
    }
  }

  wake(): void {
    this.adapter.wake();
  }

  /** The page goes: the seat is kept for a while. */
  pause(): void {
    this.adapter.bye(false);
  }

  statistics(): Promise<Statistics> {
    return this.adapter.statistics();
  }

  destroy(): void {
    this.adapter.close();
    this.releaseDevices();
    this.letSleep();
  }

  // Inside.

  private get media(): Media {
    return {
      audio: this.wanted.audio && this.track("audio") !== null,
      video: this.wanted.video && this.track("video") !== null,
      wantsVideo: this.wanted.wantsVideo,
    };
  }

  private take(event: AdapterEvent): void {
    if (event.type === "stream") this.emit("remote", event.stream);
    if (event.type === "peer") this.emit("peer", event.peer);
    if (event.type === "peer_problem") this.emit("peerProblem", event.code);
    if (event.type === "refused") this.emit("refused", event.reason);
    this.apply(event);
    if (event.type === "takeover" || event.type === "ended") {
      this.releaseDevices();
      this.letSleep();
    }
  }

  private apply(input: Input): void {
    const before = this.facts;
    this.facts = reduce(before, input);
    if (this.facts === before) return;
    this.state = stateOf(this.facts);
    this.emit("change", { state: this.state, facts: this.facts });
  }

  private async openDevices(): Promise<void> {
    const { stream, problem } = await openDevices();
    if (this.facts.outcome === "ended" || this.facts.outcome === "takeover") {
      stop(stream);
      return;
    }
    this.local = stream;
    for (const track of stream.getTracks()) this.follow(track);
    this.applyEnabled();
    this.emit("local", stream);
    this.adapter.ready(stream, this.media);
    this.emit("media", this.media);
    this.say(problem);
    this.listen();
    this.cameraIds = (await cameras()).map((camera) => camera.deviceId);
    this.emit("media", this.media);
    void this.keepAwake();
  }

  private releaseDevices(): void {
    clearInterval(this.metering);
    this.meter?.close();
    this.meter = null;
    for (const track of this.local.getTracks()) track.onended = null;
    stop(this.local);
  }

  /** Switching on what the browser did not give asks for it again. */
  private applyOrAsk(isOn: boolean, kind: "audio" | "video"): void {
    if (isOn && this.track(kind) === null) void this.retryDevices();
    else this.applyMedia();
  }

  private applyMedia(): void {
    this.applyEnabled();
    this.adapter.media(this.media);
    this.emit("media", this.media);
  }

  private applyEnabled(): void {
    for (const track of this.local.getAudioTracks()) track.enabled = this.wanted.audio;
    for (const track of this.local.getVideoTracks()) track.enabled = this.wanted.video;
  }

  /** A device that is pulled out, or taken by a telephone call, is asked for again. */
  private follow(track: MediaStreamTrack): void {
    track.onended = async () => {
      const kind = track.kind as "audio" | "video";
      this.swap(kind, await openTrack(kind));
      this.say(this.track(kind) === null ? (kind === "audio" ? "no_microphone" : "no_camera") : null);
    };
  }

  private swap(kind: "audio" | "video", track: MediaStreamTrack | null): void {
    for (const old of this.local.getTracks().filter((candidate) => candidate.kind === kind)) {
      old.onended = null;
      old.stop();
      this.local.removeTrack(old);
    }
    if (track !== null) {
      this.local.addTrack(track);
      this.follow(track);
    }
    this.applyEnabled();
    this.adapter.replace(kind, track);
    this.adapter.media(this.media);
    this.emit("local", this.local);
    this.emit("media", this.media);
    if (kind === "audio") this.listen();
  }

  private track(kind: "audio" | "video"): MediaStreamTrack | null {
    return this.local.getTracks().find((track) => track.kind === kind && track.readyState === "live") ?? null;
  }

  private say(problem: Problem | null): void {
    if (problem === this.problem) return;
    this.problem = problem;
    if (problem !== null) this.adapter.problem(problem);
    this.emit("problem", problem);
  }

  /** Measure the own microphone: shown as a level, and watched for a silence that nobody wanted. */
  private listen(): void {
    clearInterval(this.metering);
    this.meter?.close();
    this.meter = new Meter(this.local);
    this.metering = setInterval(() => {
      const level = this.media.audio ? (this.meter?.level() ?? null) : null;
      this.emit("level", level);
      const isSilent = this.silence.hear(level, performance.now());
      if (isSilent) this.say("microphone_silent");
      else if (this.problem === "microphone_silent" && level !== null) this.say(null);
    }, LEVEL_MS);
  }

  /** A screen that stays lit keeps the telephone from locking while one waits. */
  private async keepAwake(): Promise<void> {
    if (this.facts.outcome !== null || document.hidden || (this.wakeLock !== null && !this.wakeLock.released)) return;
    this.wakeLock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  private letSleep(): void {
    void this.wakeLock?.release();
    this.wakeLock = null;
  }
}
