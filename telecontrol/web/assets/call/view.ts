/** Shows a call in an element of the page: the other large, oneself small, four buttons with words, the telephone number. */
import { button, element, setText, toggle } from "./elements";
import type { Call } from "./call";
import { wakeAudio } from "./levels";
import { noticeOf, problemNotice, type Act, type Notice } from "./notices";
import { fill, type Texts } from "./texts";
import type { Media } from "./types";

export interface ViewOptions {
  call: Call;
  texts: Texts;
  locale: string;
  /** As people dial it; empty shows none. */
  phone: string;
  onJoin: () => void;
}

const MOVING = new Set(["live", "poor", "reconnecting"]);
const IN_CALL = new Set(["waiting", "admitted", "connected", "live", "poor", "reconnecting", "connecting"]);

export class View {
  private readonly root: HTMLElement;
  private readonly status = element("p", "call__status", { role: "status", "aria-live": "polite" });
  private readonly remote = element("video", "call__remote", { playsinline: true, autoplay: true });
  private readonly sound = element("audio", "call__sound", { autoplay: true });
  private readonly own = element("video", "call__own-picture", { playsinline: true, autoplay: true, "aria-hidden": "true" });
  private readonly level = element("meter", "call__level", { min: "0", max: "0.3", low: "0.01" });
  private readonly notice = element("div", "call__notice");
  private readonly hints = element("ul", "call__hints");
  private readonly peerHint = element("li", "call__hint");
  private readonly problemHint = element("li", "call__hint call__hint--problem");
  private readonly soundButton: HTMLButtonElement;
  private readonly microphone: HTMLButtonElement;
  private readonly camera: HTMLButtonElement;
  private readonly soundOnly: HTMLButtonElement;
  private readonly switcher: HTMLButtonElement;
  private media: Media = { audio: true, video: true, wantsVideo: true };
  private shown = "";
  private said = "";
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly place: HTMLElement,
    private readonly options: ViewOptions,
  ) {
    const { call, texts } = options;
    this.soundButton = button("call__play-sound", texts.playSound, () => void this.playSound(), { hidden: true });
    this.microphone = this.control("microphone", texts.microphone, () => call.setMicrophone(!this.media.audio));
    this.camera = this.control("camera", texts.camera, () => call.setCamera(!this.media.video));
    this.soundOnly = this.control("sound-only", texts.soundOnly, () => call.setSoundOnly(this.media.wantsVideo));
    this.switcher = button("call__switch", texts.switchCamera, () => void call.switchCamera(), { hidden: true });
    this.root = this.build();
    this.listen();
    this.render();
  }

  destroy(): void {
    for (const stop of this.stops) stop();
    this.root.remove();
  }

  // Building.

  private build(): HTMLElement {
    const { call, texts } = this.options;
    this.remote.muted = true;
    this.own.muted = true;
    this.remote.setAttribute("aria-label", texts.remotePicture);
    this.level.setAttribute("aria-label", texts.microphoneLevel);
    const leave = this.control("leave", call.role === "doctor" ? texts.finish : texts.leave, () =>
      call.role === "doctor" ? call.finish() : call.leave(),
    );
    const self = element("div", "call__own", {}, this.own, element("span", "call__own-name", {}, texts.you), this.level, this.switcher);
    this.hints.append(this.peerHint, this.problemHint);
    const stage = element("div", "call__stage", {}, this.remote, this.sound, this.hints, this.notice, this.soundButton, self);
    const bar = element("div", "call__bar", {}, this.microphone, this.camera, this.soundOnly, leave);
    const root = element("section", `call call--${call.role}`, {}, this.status, stage, bar, this.phone());
    // What the page showed until now (a word about the camera getting ready) has served.
    this.place.replaceChildren(root);
    return root;
  }

  private control(name: string, label: string, onClick: () => void): HTMLButtonElement {
    return button(`call__button call__button--${name}`, label, () => {
      wakeAudio();
      onClick();
    });
  }

  private phone(): HTMLElement {
    const { phone, texts } = this.options;
    const line = element("p", "call__phone", { hidden: phone === "" }, `${texts.phone} `);
    line.append(element("a", "call__phone-number", { href: `tel:${phone.replace(/[^\d+]/g, "")}` }, phone));
    return line;
  }

  // What happens.

  private listen(): void {
    const { call, texts } = this.options;
    this.stops.push(
      call.on("change", () => this.render()),
      call.on("problem", () => this.render()),
      call.on("media", (media) => this.showMedia(media)),
      call.on("local", (stream) => show(this.own, stream)),
      call.on("remote", (stream) => this.showRemote(stream)),
      call.on("level", (level) => this.showLevel(level)),
      call.on("peerProblem", (code) => {
        this.said = texts.peerProblem[code] ?? "";
        this.render();
      }),
      call.on("refused", (reason) => {
        this.said = texts.refused[reason] ?? "";
        this.render();
      }),
    );
  }

  private render(): void {
    const { call, texts, locale } = this.options;
    const { state, facts, problem } = call.current;
    const notice = noticeOf(state, facts, texts, locale);
    this.root.dataset.state = state;
    setText(this.status, notice.status);
    this.showNotice(notice);
    toggle(this.root, "call--worded", notice.title !== null);
    toggle(this.root, "call--moving", MOVING.has(state));
    toggle(this.root, "call--in-call", IN_CALL.has(state));
    toggle(this.root, "call--picture-off", MOVING.has(state) && (!facts.peer.media.video || !this.media.wantsVideo));
    this.showHints(notice, problem === null ? null : problemNotice(problem, texts));
    if (state === "ended" || state === "takeover") this.hush();
  }

  private showNotice(notice: Notice): void {
    const key = JSON.stringify([notice.title, notice.text, notice.acts]);
    if (key === this.shown) return;
    this.shown = key;
    this.said = "";
    this.notice.replaceChildren();
    this.notice.hidden = notice.title === null;
    if (notice.title !== null) this.notice.append(...this.words(notice));
  }

  private words(notice: Notice): Node[] {
    const acts = element("div", "call__acts", {}, ...notice.acts.map((act, index) => this.act(act, index === 0 && act !== "rejoin")));
    const parts: Node[] = [element("h2", "call__title", {}, notice.title ?? "")];
    if (notice.text) parts.push(element("p", "call__text", {}, notice.text));
    return notice.acts.length ? [...parts, acts] : parts;
  }

  private act(act: Act, isMain: boolean): HTMLButtonElement {
    const { call, texts } = this.options;
    const table: Record<Act, [string, () => void]> = {
      join: [texts.join, () => this.options.onJoin()],
      retry: [texts.retry, () => call.retry()],
      retryDevices: [texts.retryDevices, () => void call.retryDevices()],
      resume: [texts.resume, () => void call.resume()],
      rejoin: [texts.rejoin, () => void call.resume()],
      admit: [texts.admit, () => call.admit()],
      later5: [fill(texts.later, { minutes: 5 }), () => this.later(5)],
      later10: [fill(texts.later, { minutes: 10 }), () => this.later(10)],
      copyLink: [texts.copyLink, () => void this.copyLink()],
    };
    const [label, run] = table[act];
    const className = isMain ? "call__act call__act--main" : "call__act";
    return button(`${className} call__act--${act.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, label, () => {
      wakeAudio();
      run();
    });
  }

  private later(minutes: number): void {
    const { call, texts } = this.options;
    call.later(minutes);
    this.said = fill(texts.laterSaid, { minutes });
    this.render();
  }

  private async copyLink(): Promise<void> {
    await navigator.clipboard?.writeText(location.href).catch(() => undefined);
    this.said = this.options.texts.copied;
    this.render();
  }

  /** Beside the picture: what the other side has switched off or cannot do, and what is wrong here. */
  private showHints(notice: Notice, problem: Notice | null): void {
    const { texts, call } = this.options;
    const { state, facts } = call.current;
    const hints = [this.said];
    if (MOVING.has(state) && facts.peer.state === "here") {
      if (!facts.peer.media.video) hints.push(texts.peerCameraOff);
      if (!facts.peer.media.audio) hints.push(texts.peerMicrophoneOff);
    }
    const said = hints.filter(Boolean).join(" · ");
    setText(this.peerHint, said);
    this.peerHint.hidden = said === "";
    const isProblemShown = problem !== null && IN_CALL.has(state) && problem.title !== notice.title;
    if (this.problemHint.dataset.title !== (isProblemShown ? (problem.title ?? "") : "")) {
      this.problemHint.dataset.title = isProblemShown ? (problem.title ?? "") : "";
      this.problemHint.replaceChildren(...(isProblemShown ? this.words(problem) : []));
    }
    this.problemHint.hidden = !isProblemShown;
  }

  private showMedia(media: Media): void {
    const { texts, call } = this.options;
    this.media = media;
    setText(this.microphone, media.audio ? texts.microphone : texts.microphoneOff);
    setText(this.camera, media.video ? texts.camera : texts.cameraOff);
    setText(this.soundOnly, media.wantsVideo ? texts.soundOnly : texts.soundOnlyOff);
    toggle(this.microphone, "call__button--off", !media.audio);
    toggle(this.camera, "call__button--off", !media.video);
    toggle(this.soundOnly, "call__button--off", !media.wantsVideo);
    toggle(this.root, "call--own-off", !media.video);
    this.switcher.hidden = !call.hasSeveralCameras || !media.video;
    this.render();
  }

  private showLevel(level: number | null): void {
    this.level.hidden = level === null;
    if (level !== null) this.level.value = level;
  }

  private showRemote(stream: MediaStream): void {
    show(this.remote, stream);
    show(this.sound, stream);
    void this.playSound();
  }

  /** Browsers may refuse sound until somebody touches the page: then a large button asks for it. */
  private async playSound(): Promise<void> {
    try {
      await this.sound.play();
      this.soundButton.hidden = true;
    } catch (error) {
      if ((error as DOMException).name !== "NotAllowedError") return;
      this.soundButton.hidden = false;
      this.options.call.report("sound_blocked");
    }
  }

  private hush(): void {
    for (const player of [this.remote, this.sound, this.own]) player.srcObject = null;
    this.soundButton.hidden = true;
  }
}

function show(player: HTMLMediaElement, stream: MediaStream): void {
  // The same stream with a new track must be laid again for Safari to play it.
  if (player.srcObject !== stream) player.srcObject = stream;
  if (player instanceof HTMLVideoElement) void player.play().catch(() => undefined);
}
