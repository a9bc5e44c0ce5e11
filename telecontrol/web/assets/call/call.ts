/** One page's call: devices, provider and state machine together. It knows no element of the page. */
import type { Plugged } from "./devices";
import { Emitter } from "./emitter";
import { LocalMedia, type Kind } from "./local_media";
import { begin, reduce, stateOf, type Facts, type Input } from "./machine";
import { recall, remember, type DeviceKind } from "./preferences";
import { Thrift } from "./thrift";
import { LONGEST_CHAT, type Adapter, type AdapterEvent, type CallState, type Companion, type Media, type Other, type Peer, type Problem, type Role, type Showing, type Statistics, type Who } from "./types";

export interface CallEvents {
  /** The state changed, or what is known beside it (delay, peer, reason). */
  change: { state: CallState; facts: Facts };
  peer: Peer;
  peerProblem: Problem;
  /** The doctor's wish was not granted: `nobody_waits`, `unavailable`; or a written line was not passed on. */
  refused: { reason: string; text?: string };
  local: MediaStream;
  remote: MediaStream;
  /** Companions and interpreters, each time one comes, goes or is seen anew. */
  others: Other[];
  /** Who comes with the insured, for the doctor: at the door, in the call, or put out. */
  company: Companion[];
  media: Media;
  /** Something is wrong on this side; null when it is right again. */
  problem: Problem | null;
  /** Of the own microphone, between 0 and 1; null when it cannot be measured. */
  level: number | null;
  /** A written line, of either side. Kept nowhere. */
  chat: { text: string; mine: boolean; from?: Who };
  plugged: Plugged;
}

const LOOK_MS = 1_000;

export class Call extends Emitter<CallEvents> {
  readonly own: LocalMedia;
  private facts: Facts;
  private state: CallState = "idle";
  private wanted: Media = { audio: true, video: true, wantsVideo: true };
  /** Pictures were given up by itself, on a network that stayed poor. */
  private saves = false;
  /** Whether the camera was on when pictures were given up: nobody's camera is switched on by itself. */
  private hadCamera = true;
  private hasDevices = false;
  private problem: Problem | null = null;
  private readonly thrift = new Thrift();
  private looking: ReturnType<typeof setInterval> | undefined;
  private wakeLock: WakeLockSentinel | null = null;

  constructor(
    readonly role: Role,
    private readonly adapter: Adapter,
    { isTelephone = false } = {},
  ) {
    super();
    this.facts = begin(role);
    this.own = new LocalMedia(isTelephone);
    if (role === "insured" && recall().isSoundOnly) this.wanted = { ...this.wanted, video: false };
    adapter.onEvent = (event) => this.take(event);
    this.followOwn();
  }

  get current(): { state: CallState; facts: Facts; problem: Problem | null; media: Media; isSaving: boolean } {
    return { state: this.state, facts: this.facts, problem: this.problem, media: this.media, isSaving: this.saves };
  }

  /** Let in, and neither over nor left. */
  get isGoingOn(): boolean {
    return this.facts.isAdmitted && this.facts.outcome === null;
  }

  /** By choice: the other side is told of no missing camera. */
  get comesWithoutCamera(): boolean {
    return !this.wanted.video;
  }

  get hasSeveralCameras(): boolean {
    return this.own.hasSeveralCameras;
  }

  /** What somebody has switched on and off. What was given up by itself, for the network's sake, is no wish of theirs. */
  get wishes(): Media {
    return this.saves ? { ...this.wanted, video: this.hadCamera, wantsVideo: true } : this.wanted;
  }

  /** Before entering: as it was left in this tab, so that no reload switches on what somebody had switched off. */
  wish(wanted: Media): void {
    this.wanted = wanted;
    this.own.enable(wanted);
  }

  /** Enter: the waiting room hears of it at once, whatever the browser asks about camera and microphone meanwhile. */
  async start(): Promise<void> {
    await this.begin(false);
  }

  /** Arrive, which the waiting room hears of at once, and choose camera and microphone before going in. */
  async arrive(): Promise<void> {
    await this.begin(true);
  }

  /** Devices are chosen: go in, one press. */
  goIn(): void {
    this.apply({ type: "settled" });
    if (this.hasDevices) this.adapter.ready(this.own.stream, this.media);
  }

  /** Take the call back in this page after another one took it, or come back after leaving. */
  async resume(): Promise<void> {
    this.own.release();
    await this.start();
  }

  retry(): void {
    if (this.state === "failed" && this.facts.reason !== "no_media") void this.resume();
    else this.adapter.retry();
  }

  /** Ask for camera and microphone again, after somebody allowed them. */
  async retryDevices(): Promise<void> {
    this.own.enable(this.wanted);
    this.own.release();
    await this.openDevices();
    for (const kind of ["audio", "video"] as const) this.adapter.replace(kind, this.own.track(kind));
    this.tellMedia();
  }

  setMicrophone(isOn: boolean): void {
    this.wanted = { ...this.wanted, audio: isOn };
    this.applyOrAsk(isOn, "audio");
  }

  setCamera(isOn: boolean): void {
    this.decided(false);
    this.wanted = { ...this.wanted, video: isOn, wantsVideo: isOn ? true : this.wanted.wantsVideo };
    this.applyOrAsk(isOn, "video");
  }

  /** Neither send nor receive pictures: for a weak network, or by choice. */
  setSoundOnly(isOn: boolean): void {
    this.decided(false);
    this.giveUpPictures(isOn);
  }

  /** Before going in: come without a camera, and without being asked for one; remembered. */
  async comeWithSoundOnly(isOn: boolean): Promise<void> {
    remember({ isSoundOnly: isOn });
    this.wanted = { ...this.wanted, video: !isOn };
    await this.retryDevices();
  }

  async choose(kind: DeviceKind, id: string): Promise<void> {
    await this.own.choose(kind, id);
    this.emit("media", this.media);
  }

  async switchCamera(): Promise<void> {
    await this.own.switchCamera();
  }

  /** A document to the camera, the screen, or the face again: live only, like the face, and kept nowhere. */
  async show(what: Showing): Promise<void> {
    if (what !== "" && !this.wanted.wantsVideo) this.setSoundOnly(false);
    if (!(await this.own.show(what))) {
      await this.own.show("");
      if (what === "document") this.say("no_camera");
    }
    this.tellMedia();
  }

  /** Say something in writing. */
  chat(text: string): void {
    const said = text.trim().slice(0, LONGEST_CHAT);
    if (said === "") return;
    this.emit("chat", { text: said, mine: true });
    this.adapter.chat(said);
  }

  admit(): void {
    this.adapter.admit();
  }

  later(minutes: number): void {
    this.adapter.later(minutes);
  }

  letIn(companion: string, isIn: boolean): void {
    this.adapter.letIn(companion, isIn);
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
    this.own.release();
    this.letSleep();
  }

  // Inside.

  private get media(): Media {
    const { showing } = this.own;
    return {
      audio: this.wanted.audio && this.own.track("audio") !== null,
      video: (this.wanted.video || showing !== "") && this.own.track("video") !== null,
      wantsVideo: this.wanted.wantsVideo,
      showing,
    };
  }

  private async begin(isChoosing: boolean): Promise<void> {
    this.saves = false;
    this.apply({ type: "start", isChoosing });
    this.adapter.open();
    clearInterval(this.looking);
    this.looking = setInterval(() => this.economise(), LOOK_MS);
    await this.openDevices();
  }

  private take(event: AdapterEvent): void {
    if (event.type === "stream") this.emit("remote", event.stream);
    if (event.type === "others") this.emit("others", event.others);
    if (event.type === "company") this.emit("company", event.people);
    if (event.type === "peer") this.emit("peer", event.peer);
    if (event.type === "peer_problem") this.emit("peerProblem", event.code);
    if (event.type === "refused") this.emit("refused", event);
    if (event.type === "chat") this.emit("chat", event);
    this.apply(event);
    if (event.type === "takeover" || event.type === "ended") {
      this.own.release();
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
    this.hasDevices = false;
    const { problem, isCurrent } = await this.own.open(this.wanted.video);
    if (!isCurrent) return;
    if (this.facts.outcome === "ended" || this.facts.outcome === "takeover") {
      this.own.release();
      return;
    }
    this.hasDevices = true;
    if (!this.facts.isChoosing) this.adapter.ready(this.own.stream, this.media);
    this.emit("media", this.media);
    this.say(problem);
    void this.keepAwake();
  }

  private followOwn(): void {
    const { own } = this;
    own.on("stream", (stream) => this.emit("local", stream));
    own.on("replaced", ({ kind, track }) => {
      this.adapter.replace(kind, track);
      this.tellMedia();
    });
    own.on("lost", (kind) => this.say(kind === "audio" ? "no_microphone" : "no_camera"));
    own.on("plugged", (devices) => {
      this.emit("plugged", devices);
      this.emit("media", this.media);
    });
    own.on("level", ({ level, isSilent }) => {
      this.emit("level", level);
      if (isSilent) this.say("microphone_silent");
      else if (this.problem === "microphone_silent" && level !== null) this.say(null);
    });
  }

  /** Switching on what the browser did not give asks for it again. */
  private applyOrAsk(isOn: boolean, kind: Kind): void {
    if (isOn && this.own.track(kind) === null) void this.retryDevices();
    else this.applyMedia();
  }

  private applyMedia(): void {
    this.own.enable(this.wanted);
    this.tellMedia();
  }

  private tellMedia(): void {
    this.adapter.media(this.media);
    this.emit("media", this.media);
  }

  /** Somebody decided about pictures: what was done by itself is done with. */
  private decided(saves: boolean): void {
    if (!saves) this.thrift.indulge();
    this.saves = saves;
  }

  private giveUpPictures(isOn: boolean): void {
    if (isOn && this.own.showing !== "") void this.own.show("");
    if (isOn && this.wanted.wantsVideo) this.hadCamera = this.wanted.video;
    this.wanted = { ...this.wanted, video: !isOn && this.hadCamera, wantsVideo: !isOn };
    this.applyOrAsk(this.wanted.video, "video");
  }

  /** On a network that stays poor the sound is saved by giving up pictures; they come back by themselves. */
  private economise(): void {
    const isByChoice = !this.wanted.wantsVideo && !this.saves;
    if (document.hidden || isByChoice || this.facts.outcome !== null) return;
    const todo = this.thrift.see(this.facts.quality, performance.now(), this.saves);
    if (todo === null) return;
    this.saves = todo === "save";
    this.giveUpPictures(this.saves);
  }

  private say(problem: Problem | null): void {
    if (problem === this.problem) return;
    this.problem = problem;
    if (problem !== null) this.adapter.problem(problem);
    this.emit("problem", problem);
  }

  /** A screen that stays lit keeps the telephone from locking while one waits. */
  private async keepAwake(): Promise<void> {
    if (this.facts.outcome !== null || document.hidden || (this.wakeLock !== null && !this.wakeLock.released)) return;
    this.wakeLock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  private letSleep(): void {
    clearInterval(this.looking);
    void this.wakeLock?.release();
    this.wakeLock = null;
  }
}
