/** This side's camera and microphone: opened, exchanged, shown, measured. It knows no provider and no element of the page. */
import { chosen, openDevices, openScreen, openTrack, plugged, stop, type Choice, type Plugged } from "./devices";
import { Emitter } from "./emitter";
import { Meter, SilenceWatch } from "./levels";
import { known, recall, remember, type DeviceKind } from "./preferences";
import type { Problem, Showing } from "./types";

export type Kind = "audio" | "video";

export interface LocalEvents {
  stream: MediaStream;
  /** Another track of a kind, or none, on the same connection. */
  replaced: { kind: Kind; track: MediaStreamTrack | null };
  /** A device went away and nothing took its place. */
  lost: Kind;
  /** Devices were plugged in or out, or their names became known. */
  plugged: Plugged;
  /** Of the microphone, between 0 and 1; null when it cannot be measured. `isSilent`: nothing at all for a while. */
  level: { level: number | null; isSilent: boolean };
}

const LEVEL_MS = 200;

export class LocalMedia extends Emitter<LocalEvents> {
  stream = new MediaStream();
  showing: Showing = "";
  devices: Plugged = { camera: [], microphone: [], speaker: [] };
  private isFacingAway = false;
  private wanted: Record<Kind, boolean> = { audio: true, video: true };
  private meter: Meter | null = null;
  private metering: ReturnType<typeof setInterval> | undefined;
  private readonly silence = new SilenceWatch();
  private isAskedAgain = false;
  private opening = 0;

  constructor(private readonly isTelephone: boolean) {
    super();
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.look());
  }

  /** Ask for them. False as second value when this was overtaken by another asking, or by a release. */
  async open(wantsVideo: boolean): Promise<{ problem: Problem | null; isCurrent: boolean }> {
    const turn = ++this.opening;
    const { stream, problem } = await openDevices(await this.choice(), { isSoundOnly: !wantsVideo });
    if (turn !== this.opening) {
      stop(stream);
      return { problem, isCurrent: false };
    }
    this.stream = stream;
    this.showing = "";
    for (const track of stream.getTracks()) this.follow(track);
    this.enable(this.wanted);
    this.emit("stream", stream);
    this.listen();
    void this.look().then(() => this.correct());
    return { problem, isCurrent: true };
  }

  release(): void {
    this.opening += 1;
    clearInterval(this.metering);
    this.meter?.close();
    this.meter = null;
    for (const track of this.stream.getTracks()) track.onended = null;
    stop(this.stream);
    this.showing = "";
  }

  track(kind: Kind): MediaStreamTrack | null {
    return this.stream.getTracks().find((track) => track.kind === kind && track.readyState === "live") ?? null;
  }

  enable(wanted: Record<Kind, boolean>): void {
    this.wanted = { ...wanted };
    for (const track of this.stream.getTracks()) {
      track.enabled = wanted[track.kind as Kind] || (track.kind === "video" && this.showing !== "");
    }
  }

  /** Whether one's own picture is shown as in a mirror: a face is, what others must read is not. */
  get isMirrored(): boolean {
    return this.showing === "" && !this.isFacingAway;
  }

  get hasSeveralCameras(): boolean {
    return this.devices.camera.length > 1;
  }

  /** The id of the device in use, for a list that shows it as chosen. */
  current(kind: DeviceKind): string {
    if (kind === "speaker") return known(recall().speaker, this.devices.speaker)?.deviceId ?? "";
    return this.track(kind === "camera" ? "video" : "audio")?.getSettings().deviceId ?? "";
  }

  /** Use this device, now and next time. */
  async choose(kind: DeviceKind, id: string): Promise<void> {
    const device = this.devices[kind].find((each) => each.deviceId === id);
    remember({ [kind]: device === undefined ? undefined : { id: device.deviceId, label: device.label } });
    if (kind === "speaker") return;
    if (kind === "camera") this.isFacingAway = false;
    await this.reopen(kind === "camera" ? "video" : "audio");
  }

  /** The next camera: on a telephone the other side of it. */
  async switchCamera(): Promise<void> {
    if (!this.hasSeveralCameras) return;
    if (this.isTelephone) {
      this.isFacingAway = !this.isFacingAway;
      await this.reopen("video");
      return;
    }
    const ids = this.devices.camera.map((camera) => camera.deviceId);
    await this.choose("camera", ids[(ids.indexOf(this.current("camera")) + 1) % ids.length] ?? "");
  }

  /** Show a document to the camera, the screen, or the face again. False when the screen was not given. */
  async show(what: Showing): Promise<boolean> {
    if (what === "screen") {
      const track = await openScreen();
      if (track === null) return false;
      this.showing = what;
      track.contentHint = "detail";
      this.swap("video", track);
      // Stopped from the browser's own bar.
      track.onended = () => void this.show("");
      return true;
    }
    this.showing = what;
    await this.reopen("video");
    const track = this.track("video");
    if (track !== null && what === "document") track.contentHint = "detail";
    return track !== null || what === "";
  }

  /** Ask for one kind anew: after a telephone call has taken the microphone, or for another device. */
  async reopen(kind: Kind): Promise<void> {
    // Telephones hold one camera at a time: the old one is let go first.
    for (const old of this.stream.getTracks().filter((track) => track.kind === kind)) {
      old.onended = null;
      old.stop();
    }
    if (kind === "video" && !this.wanted.video && this.showing === "") this.swap(kind, null);
    else this.swap(kind, (await openTrack(kind, await this.choice())) ?? (await openTrack(kind)));
  }

  private async choice(): Promise<Choice> {
    const { camera, microphone } = await chosen(recall());
    const isAway = this.isFacingAway || this.showing === "document";
    const facing = this.isTelephone && isAway ? "environment" : "user";
    return { microphone, facing, camera: this.isTelephone && isAway ? undefined : camera, isDetailed: this.showing === "document" };
  }

  /** A device that is pulled out, or taken by a telephone call, is asked for again. */
  private follow(track: MediaStreamTrack): void {
    track.onended = async () => {
      const kind = track.kind as Kind;
      await this.reopen(kind);
      if (this.track(kind) === null) this.emit("lost", kind);
    };
  }

  private swap(kind: Kind, track: MediaStreamTrack | null): void {
    for (const old of this.stream.getTracks().filter((each) => each.kind === kind)) {
      old.onended = null;
      old.stop();
      this.stream.removeTrack(old);
    }
    if (track !== null) {
      this.stream.addTrack(track);
      this.follow(track);
    }
    this.enable(this.wanted);
    this.emit("replaced", { kind, track });
    this.emit("stream", this.stream);
    if (kind === "audio") this.listen();
  }

  private async look(): Promise<void> {
    this.devices = await plugged();
    this.emit("plugged", this.devices);
  }

  /** Ids are unknown before the first permission: where the browser took another device than the one remembered, take that. */
  private async correct(): Promise<void> {
    for (const [kind, of] of [["camera", "video"], ["microphone", "audio"]] as const) {
      const device = known(recall()[kind], this.devices[kind]);
      const present = this.current(kind);
      if (device !== undefined && present !== "" && device.deviceId !== present) await this.reopen(of);
    }
  }

  /** Measure the microphone: shown as a level, and watched for a silence that nobody wanted. */
  private listen(): void {
    clearInterval(this.metering);
    this.meter?.close();
    this.meter = new Meter(this.stream);
    this.metering = setInterval(() => {
      const isOn = this.wanted.audio && this.track("audio") !== null;
      const level = isOn ? (this.meter?.level() ?? null) : null;
      const isSilent = this.silence.hear(level, performance.now());
      this.emit("level", { level, isSilent });
      if (isSilent && !this.isAskedAgain) {
        // After a telephone call some systems give back a microphone that hears nothing: asking once more mends it.
        this.isAskedAgain = true;
        void this.reopen("audio");
      } else if (level !== null && !isSilent && level > 0) this.isAskedAgain = false;
    }, LEVEL_MS);
  }
}
