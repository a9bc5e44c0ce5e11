/**
 * The device test: browser, camera, microphone, sound, connection, one after the other. Nobody sees or hears anything of it,
 * nothing begins without a click, and every step can be left behind.
 */
import { openDevices, stop } from "../call/devices";
import { element } from "../call/elements";
import { chime, Meter, wakeAudio } from "../call/levels";
import { tryConnection, type Route } from "./connection";
import { asTrouble, others, unfit } from "./devices";
import { acts, aside, chooser, Panel, sentence, STEPS, type Act } from "./panel";
import type { StepName, Trouble, Words } from "./texts";

export interface TestOptions {
  words: Words;
  /** Where the page asks what connection to try. */
  connectionUrl: string;
  /** Where what was found is posted as JSON, if anywhere: `{steps: {camera: "ok", …}, route: "direct"}`. */
  resultUrl?: string;
  headers: Record<string, string>;
  phone: string;
  /** Whether the address of this page opens for anybody: then it can be copied into another browser. */
  isPublic: boolean;
}

/** Louder than this, a few times, is somebody speaking. */
const SPEAKING = 0.01;
const LOUD_SAMPLES = 3;
const SILENT_MS = 12_000;
const LOOK_MS = 100;
/** How long a good answer stays to be read before the next step takes its place. */
const MOMENT_MS = 900;

type Answer = "ok" | Trouble;

export class DeviceTest {
  private readonly words: Words;
  private readonly panel: Panel;
  private readonly answers = new Map<StepName, Answer>();
  private route: Route = "";
  private stream = new MediaStream();
  private meter: Meter | null = null;
  private listening: ReturnType<typeof setInterval> | undefined;
  private told = "";
  /** Counts the runs: what an earlier one was still waiting for is not heard any more. */
  private run = 0;

  constructor(
    place: HTMLElement,
    private readonly options: TestOptions,
  ) {
    this.words = options.words;
    this.panel = new Panel(this.words);
    place.replaceChildren(this.panel.root);
    this.panel.start(acts([this.words.begin, () => this.begin()]));
    this.show("");
    window.addEventListener("pagehide", () => {
      this.tell();
      this.release();
    });
  }

  private begin(): void {
    wakeAudio();
    this.release();
    this.run += 1;
    this.answers.clear();
    this.route = "";
    this.told = "";
    this.show("");
    // What the last test found is no longer what is asked.
    document.querySelector("[data-last-test]")?.remove();
    for (const name of STEPS) this.panel.mark(name, "todo");
    const trouble = unfit();
    if (trouble === null) {
      this.settle("browser", "ok");
      void this.askForDevices();
      return;
    }
    const copy: Act[] = this.options.isPublic ? [[this.words.copy, () => void this.copyAddress()]] : [];
    this.panel.open("browser");
    this.advise("browser", trouble, [], ...copy, [this.words.retry, () => this.begin()]);
  }

  /** Copied, and shown to be copied by hand: browsers inside applications often refuse the clipboard. */
  private async copyAddress(): Promise<void> {
    const field = element("input", "form-control", { type: "text", readonly: true, "aria-label": this.words.copy, value: location.href });
    const said = sentence("");
    this.panel.beside("browser", field, said);
    field.select();
    const isCopied = await (navigator.clipboard?.writeText(location.href) ?? Promise.reject(new Error("no clipboard"))).then(
      () => true,
      () => document.execCommand("copy"),
    );
    said.textContent = isCopied ? this.words.copied : this.words.copyByHand;
    this.panel.say(said.textContent);
  }

  // Camera. It is asked for together with the microphone, so that the browser asks once.

  private async askForDevices(): Promise<void> {
    const run = this.run;
    this.panel.open("camera", sentence(this.words.allow));
    this.panel.say(this.words.allow);
    stop(this.stream);
    const { stream, problem } = await openDevices();
    if (run !== this.run) {
      stop(stream);
      return;
    }
    this.stream = stream;
    if (stream.getVideoTracks().length > 0) this.showPicture();
    else this.adviseCamera(asTrouble(problem, "no_camera"));
  }

  private showPicture(): void {
    const picture = element("video", "device-test__picture", { playsinline: true, autoplay: true, "aria-label": this.words.camera.preview });
    picture.muted = true;
    picture.srcObject = new MediaStream(this.stream.getVideoTracks());
    this.panel.fill(
      "camera",
      picture,
      sentence(this.words.camera.ask, "device-test__ask"),
      acts([this.words.camera.yes, () => this.cameraIs("ok")], [this.words.camera.no, () => void this.chooseCamera()]),
    );
    this.panel.say(this.words.camera.ask);
  }

  private async chooseCamera(): Promise<void> {
    const which = await this.choice("videoinput", this.words.camera.choose, (id) => void this.replace({ video: { deviceId: { exact: id } } }));
    this.adviseCamera("no_picture", which);
  }

  private adviseCamera(trouble: Trouble, which: Node[] = []): void {
    this.advise("camera", trouble, which, [this.words.retry, () => void this.askForDevices()], [this.words.camera.skip, () => this.cameraIs(trouble)]);
  }

  private cameraIs(answer: Answer): void {
    this.settle("camera", answer);
    if (this.stream.getAudioTracks().length > 0) this.listen();
    else this.adviseMicrophone(answer === "ok" || answer === "no_camera" || answer === "no_picture" ? "no_microphone" : answer);
  }

  // Microphone: the bar must move when one speaks. A level of zero is a microphone that is muted somewhere.

  private listen(): void {
    const level = element("meter", "device-test__level", { min: "0", max: "0.3", low: "0.01", "aria-label": this.words.microphone.level });
    this.panel.open("microphone", sentence(this.words.microphone.ask, "device-test__ask"), level);
    this.panel.say(this.words.microphone.ask);
    this.stopListening();
    this.meter = new Meter(this.stream);
    const began = performance.now();
    let loud = 0;
    this.listening = setInterval(() => {
      const heard = this.meter?.level() ?? 0;
      level.value = heard;
      if (heard > SPEAKING) loud += 1;
      if (loud >= LOUD_SAMPLES) this.microphoneWorks();
      else if (performance.now() - began > SILENT_MS) void this.chooseMicrophone();
    }, LOOK_MS);
  }

  private microphoneWorks(): void {
    this.stopListening();
    this.panel.say(this.words.microphone.heard);
    this.panel.fill("microphone", sentence(this.words.microphone.heard, "device-test__ask"));
    const run = this.run;
    setTimeout(() => run === this.run && this.microphoneIs("ok"), MOMENT_MS);
  }

  private async chooseMicrophone(): Promise<void> {
    this.stopListening();
    const which = await this.choice("audioinput", this.words.microphone.choose, (id) => void this.replace({ audio: { deviceId: { exact: id } } }));
    this.adviseMicrophone("microphone_silent", which);
  }

  private adviseMicrophone(trouble: Trouble, which: Node[] = []): void {
    if (trouble !== "microphone_silent") this.panel.open("microphone");
    const again = trouble === "microphone_silent" ? () => this.listen() : () => void this.askForDevices();
    this.advise("microphone", trouble, which, [this.words.retry, again], [this.words.microphone.skip, () => this.microphoneIs(trouble)]);
  }

  private microphoneIs(answer: Answer): void {
    this.settle("microphone", answer);
    this.askToListen();
  }

  // Sound.

  private askToListen(): void {
    this.panel.open("speaker", sentence(this.words.speaker.ask, "device-test__ask"), acts([this.words.speaker.play, () => this.play()]));
    this.panel.say(this.words.speaker.ask);
  }

  private play(): void {
    wakeAudio();
    for (const later of [0, 600, 1200]) setTimeout(chime, later);
    const { question, yes, no, replay } = this.words.speaker;
    this.panel.fill("speaker", sentence(question, "device-test__ask"), acts([yes, () => this.speakerIs("ok")], [no, () => this.adviseSpeaker()], [replay, () => this.play()]));
    this.panel.say(question);
  }

  private adviseSpeaker(): void {
    this.advise("speaker", "not_heard", [], [this.words.speaker.replay, () => this.play()], [this.words.speaker.skip, () => this.speakerIs("not_heard")]);
  }

  private speakerIs(answer: Answer): void {
    this.settle("speaker", answer);
    void this.connect();
  }

  // Connection: the way that the call itself would take.

  private async connect(): Promise<void> {
    const run = this.run;
    const doing = sentence(this.words.connection.socket, "device-test__ask");
    this.panel.open("connection", doing, element("progress", "device-test__progress", { "aria-label": this.words.step.connection }));
    const { trouble, route } = await tryConnection(this.options.connectionUrl, this.options.headers, this.stream, (stage) => {
      doing.textContent = this.words.connection[stage];
      this.panel.say(this.words.connection[stage]);
    });
    if (run !== this.run) return;
    this.route = route;
    if (trouble === null) {
      this.settle("connection", "ok", route === "relay" ? this.words.connection.relay : this.words.connection.direct);
      this.finish();
      return;
    }
    this.advise("connection", trouble, [], [this.words.retry, () => void this.connect()], [
      this.words.connection.skip,
      () => {
        this.settle("connection", trouble);
        this.finish();
      },
    ]);
  }

  private finish(): void {
    this.release();
    this.tell();
    const found = this.summary();
    const [title, text] = this.words.end[found];
    const advice = found === "problem" ? this.advices() : [];
    const kind = found === "problem" ? "warning" : found === "ready" ? "success" : "info";
    this.show(kind === "warning" ? "problem" : found === "unfinished" ? "unfinished" : "ready");
    this.panel.finish(kind, title, sentence(this.filled(text)), ...advice, (kind === "warning" ? acts : aside)([this.words.again, () => this.begin()]));
    this.panel.say(title);
  }

  private summary(): keyof Words["end"] {
    const bad = STEPS.filter((name) => this.answers.get(name) !== "ok");
    if (bad.length === 0) return this.route === "relay" ? "relay" : "ready";
    if (bad.length > 1) return "problem";
    if (bad[0] === "camera") return "soundOnly";
    return this.answers.get("connection") === "unavailable" ? "unfinished" : "problem";
  }

  private advices(): Node[] {
    const all = STEPS.flatMap((name) => {
      const answer = this.answers.get(name);
      return answer === undefined || answer === "ok" ? [] : [element("li", "", {}, element("strong", "", {}, this.words.remedy[answer].what), ` ${this.remedyOf(answer)}`)];
    });
    return [element("ul", "device-test__advices", {}, ...all)];
  }

  // What every step needs.

  /** Say what is the matter and the one thing to do; it is told already, for somebody may give up here. */
  private advise(name: StepName, trouble: Trouble, which: Node[], ...choices: Act[]): void {
    this.answers.set(name, trouble);
    this.tell();
    const { what } = this.words.remedy[trouble];
    const remedy = this.remedyOf(trouble);
    this.panel.fill(name, sentence(what, "device-test__trouble"), sentence(remedy), ...which, acts(...choices));
    this.panel.say(`${what} ${remedy}`);
    this.show("problem");
  }

  private remedyOf(trouble: Trouble): string {
    const { do: remedy } = this.words.remedy[trouble];
    return this.filled(trouble === "in_app_browser" && !this.options.isPublic ? this.words.openMessageElsewhere : remedy);
  }

  private settle(name: StepName, answer: Answer, text?: string): void {
    this.answers.set(name, answer);
    const mark = answer === "ok" ? "good" : answer === "unavailable" ? "unknown" : "bad";
    this.panel.mark(name, mark, text);
    const isWell = [...this.answers.values()].every((each) => each === "ok");
    this.show(isWell ? "" : "problem");
  }

  private async choice(kind: MediaDeviceKind, label: string, choose: (id: string) => void): Promise<Node[]> {
    const track = kind === "videoinput" ? this.stream.getVideoTracks()[0] : this.stream.getAudioTracks()[0];
    const devices = await others(kind);
    return devices.length > 1 ? [chooser(`device-${kind}`, label, devices, track?.getSettings().deviceId ?? "", choose)] : [];
  }

  /** Another camera or microphone, in place of the one that gives nothing. */
  private async replace(wanted: MediaStreamConstraints): Promise<void> {
    const run = this.run;
    const fresh = await navigator.mediaDevices.getUserMedia(wanted).catch(() => null);
    if (fresh === null || run !== this.run) return;
    const isCamera = wanted.video !== undefined;
    for (const track of isCamera ? this.stream.getVideoTracks() : this.stream.getAudioTracks()) {
      this.stream.removeTrack(track);
      track.stop();
    }
    for (const track of fresh.getTracks()) this.stream.addTrack(track);
    if (isCamera) this.showPicture();
    else this.listen();
  }

  private filled(text: string): string {
    return text.replace("{phone}", this.options.phone);
  }

  private show(result: "" | "ready" | "unfinished" | "problem"): void {
    this.panel.root.dataset.result = result;
  }

  /** Kept alive: somebody who goes on at once has told the result all the same. The same thing is not told twice. */
  private tell(): void {
    if (this.options.resultUrl === undefined || this.answers.size === 0) return;
    const body = JSON.stringify({ steps: Object.fromEntries(this.answers), route: this.route });
    if (body === this.told) return;
    this.told = body;
    const headers = { "Content-Type": "application/json", Accept: "application/json", ...this.options.headers };
    void fetch(this.options.resultUrl, { method: "POST", headers, body, keepalive: true }).catch(() => undefined);
  }

  private stopListening(): void {
    clearInterval(this.listening);
    this.meter?.close();
    this.meter = null;
  }

  private release(): void {
    this.stopListening();
    stop(this.stream);
    this.stream = new MediaStream();
  }
}
