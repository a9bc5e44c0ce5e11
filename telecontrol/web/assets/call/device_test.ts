/** Tries camera, microphone and sound before the day: nobody sees or hears it, and nothing begins without a click. */
import { openDevices, stop } from "./devices";
import { button, element, setText } from "./elements";
import { chime, Meter, wakeAudio } from "./levels";
import { textsIn, type TestTexts, type Texts } from "./texts";
import type { Problem } from "./types";

export interface TestOptions {
  language?: string;
  /** Where the result is posted as JSON, if anywhere: `{result: "ready" | "problem", code}`. */
  resultUrl?: string;
  headers?: Record<string, string>;
}

type Mark = "unknown" | "good" | "bad";

/** Louder than this is somebody speaking. */
const SPEAKING = 0.01;

export function mountTest(place: HTMLElement, options: TestOptions = {}): { destroy(): void } {
  const test = new DeviceTest(place, options);
  return { destroy: () => test.destroy() };
}

class DeviceTest {
  private readonly texts: Texts;
  private readonly words: TestTexts;
  private readonly root = element("section", "call-test");
  private readonly picture = element("video", "call-test__picture", { playsinline: true, autoplay: true, "aria-hidden": "true" });
  private readonly level = element("meter", "call-test__level", { min: "0", max: "0.3", low: "0.01" });
  private readonly advice = element("p", "call-test__advice", { role: "status", "aria-live": "polite" });
  private readonly lines: Record<"camera" | "microphone" | "sound", HTMLElement>;
  private readonly acts = element("div", "call__acts");
  private readonly marks: Record<"camera" | "microphone" | "sound", Mark> = { camera: "unknown", microphone: "unknown", sound: "unknown" };
  private stream = new MediaStream();
  private meter: Meter | null = null;
  private listening: ReturnType<typeof setInterval> | undefined;
  private problem: Problem | null = null;

  constructor(
    place: HTMLElement,
    private readonly options: TestOptions,
  ) {
    this.texts = textsIn(options.language ?? document.documentElement.lang);
    this.words = this.texts.test;
    this.picture.muted = true;
    this.level.setAttribute("aria-label", this.texts.microphoneLevel);
    this.lines = { camera: element("li", ""), microphone: element("li", ""), sound: element("li", "") };
    const list = element("ul", "call-test__lines", {}, this.lines.camera, this.lines.microphone, this.lines.sound);
    this.root.append(this.picture, this.level, list, this.advice, this.acts);
    place.replaceChildren(this.root);
    this.offer([this.words.begin, () => void this.begin()]);
    this.show();
    window.addEventListener("pagehide", () => this.release());
  }

  destroy(): void {
    this.release();
    this.root.remove();
  }

  private async begin(): Promise<void> {
    wakeAudio();
    this.release();
    this.mark("camera", "unknown");
    this.mark("microphone", "unknown");
    this.mark("sound", "unknown");
    this.offer();
    setText(this.advice, this.words.allow);
    const { stream, problem } = await openDevices();
    this.stream = stream;
    this.problem = problem;
    this.picture.srcObject = stream;
    this.mark("camera", stream.getVideoTracks().length > 0 ? "good" : "bad");
    if (stream.getAudioTracks().length === 0) this.mark("microphone", "bad");
    if (problem !== null) this.stopAt(problem);
    else this.listen();
  }

  /** The bar must move when one speaks: a level of zero is a microphone that is muted somewhere. */
  private listen(): void {
    setText(this.advice, this.words.speak);
    this.meter = new Meter(this.stream);
    const began = performance.now();
    this.listening = setInterval(() => {
      const level = this.meter?.level() ?? 0;
      this.level.value = level;
      if (this.marks.microphone === "unknown" && level > SPEAKING) {
        this.mark("microphone", "good");
        this.askAboutSound();
      } else if (this.marks.microphone === "unknown" && performance.now() - began > 15_000) {
        this.mark("microphone", "bad");
        this.problem = "microphone_silent";
        this.stopAt(this.problem);
      }
    }, 100);
  }

  private askAboutSound(): void {
    void chime();
    setText(this.advice, this.words.heard);
    this.offer(
      [this.words.yes, () => this.finish(true)],
      [this.words.no, () => this.finish(false)],
      [this.words.again, () => void chime()],
    );
  }

  private finish(hasHeard: boolean): void {
    this.mark("sound", hasHeard ? "good" : "bad");
    setText(this.advice, hasHeard ? this.words.ready : this.words.noSound);
    this.offer([this.words.restart, () => void this.begin()]);
    void this.tell(hasHeard ? "ready" : "problem", hasHeard ? "" : "sound_blocked");
  }

  private stopAt(problem: Problem): void {
    const [title, text] = this.texts.problem[problem];
    setText(this.advice, `${title}. ${text}`);
    this.offer([this.words.restart, () => void this.begin()]);
    void this.tell("problem", problem);
  }

  private mark(name: "camera" | "microphone" | "sound", mark: Mark): void {
    this.marks[name] = mark;
    this.show();
  }

  private show(): void {
    for (const name of ["camera", "microphone", "sound"] as const) {
      const line = this.lines[name];
      line.className = `call-test__line call-test__line--${this.marks[name]}`;
      setText(line, `${this.words[name]} : ${this.words[this.marks[name]]}`);
    }
    this.root.dataset.result = Object.values(this.marks).includes("bad") ? "problem" : this.marks.sound === "good" ? "ready" : "";
  }

  private offer(...acts: [string, () => void][]): void {
    this.acts.replaceChildren(
      ...acts.map(([label, run], index) => button(index === 0 ? "call__act call__act--main" : "call__act", label, run)),
    );
  }

  private async tell(result: "ready" | "problem", code: string): Promise<void> {
    if (this.options.resultUrl === undefined) return;
    const headers = { "Content-Type": "application/json", Accept: "application/json", ...this.options.headers };
    const body = JSON.stringify({ result, code });
    // Kept alive: somebody who goes on at once has told the result all the same.
    await fetch(this.options.resultUrl, { method: "POST", headers, body, keepalive: true }).catch(() => undefined);
  }

  private release(): void {
    clearInterval(this.listening);
    this.meter?.close();
    this.meter = null;
    stop(this.stream);
    this.picture.srcObject = null;
  }
}
