/** Shows a call in an element of the page: the other large, oneself small, four buttons with words, the telephone number. */
import { Bar } from "./bar";
import type { Call } from "./call";
import { ChatPanel } from "./chat_panel";
import { ArrivalPanel, SettingsPanel } from "./device_panel";
import { button, element, setText, toggle } from "./elements";
import { Hints, ofPeer } from "./hints";
import { icon } from "./icons";
import { wakeAudio } from "./levels";
import { noticeOf, problemNotice, qualityWord, type Act, type Notice } from "./notices";
import { fill, type Texts } from "./texts";
import type { Companion, Media } from "./types";

export interface ViewOptions {
  call: Call;
  texts: Texts;
  locale: string;
  /** As people dial it; empty shows none. */
  phone: string;
  onJoin: () => void;
  /** An address that opens this page in another browser; this page's own may need what only this browser has. */
  getLink?: () => Promise<string>;
  /** Where one comes back to after leaving. */
  homeUrl?: string;
  /** Whose hours are told. */
  zone?: string;
}

const MOVING = new Set(["live", "poor", "reconnecting"]);
const IN_CALL = new Set(["devices", "waiting", "admitted", "connected", "live", "poor", "reconnecting", "connecting"]);
const PEER_SAID_MS = 20_000;
const CARDS = ["company", "written", "saving", "showing", "problem"] as const;

export class View {
  private readonly root: HTMLElement;
  private readonly status = element("p", "call__status", { role: "status", "aria-live": "polite" });
  private readonly quality = element("p", "call__quality", { role: "status", "aria-live": "polite" });
  private readonly remote = element("video", "call__remote", { playsinline: true, autoplay: true });
  private readonly sound = element("audio", "call__sound", { autoplay: true });
  private readonly own = element("video", "call__own-picture", { playsinline: true, autoplay: true, "aria-hidden": "true" });
  private readonly level = element("meter", "call__level", { min: "0", max: "0.3", low: "0.01" });
  private readonly notice = element("div", "call__notice");
  private readonly hints = new Hints(CARDS);
  private readonly stage = element("div", "call__stage");
  private readonly soundButton: HTMLButtonElement;
  private readonly bar: Bar;
  private readonly chat: ChatPanel;
  private readonly settings: SettingsPanel;
  private readonly arrival: ArrivalPanel;
  private media: Media = { audio: true, video: true, wantsVideo: true };
  private shown = "";
  private said = "";
  /** What goes wrong on the other side: nobody says when it is right again, so it is said for a while. */
  private peerSaid = "";
  private forgetting: ReturnType<typeof setTimeout> | undefined;
  private written = "";
  /** Who comes with the insured and waits to be let in: one at a time is asked about. */
  private atDoor: Companion | undefined;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly place: HTMLElement,
    private readonly options: ViewOptions,
  ) {
    const { call, texts } = options;
    this.soundButton = button("call__play-sound", texts.playSound, () => void this.playSound(), { hidden: true });
    this.soundButton.prepend(icon("sound"));
    const back = () => this.bar.root.querySelector<HTMLButtonElement>(".call__button--more")?.focus();
    this.settings = new SettingsPanel(call, texts, back);
    this.chat = new ChatPanel({ call, texts, onUnread: (count, newest) => this.hear(count, newest), onClose: back });
    this.arrival = new ArrivalPanel(call, texts, () => this.goIn());
    const canFill = typeof this.stage.requestFullscreen === "function";
    this.bar = new Bar({
      call,
      texts,
      openChat: () => this.open(this.chat),
      openSettings: () => this.open(this.settings),
      fullScreen: canFill ? () => void this.fill() : null,
    });
    this.root = this.build();
    this.listen();
    this.showMedia(call.current.media);
  }

  destroy(): void {
    clearTimeout(this.forgetting);
    for (const stop of this.stops) stop();
    for (const part of [this.bar, this.chat, this.settings, this.arrival]) part.destroy();
    this.root.remove();
  }

  // Building.

  private build(): HTMLElement {
    const { call, texts } = this.options;
    this.remote.muted = true;
    this.own.muted = true;
    this.remote.setAttribute("aria-label", texts.remotePicture);
    this.level.setAttribute("aria-label", texts.microphoneLevel);
    const self = element("div", "call__own", {}, this.own, element("span", "call__own-name", {}, texts.you), this.level);
    const still = element("div", "call__still", { "aria-hidden": "true" });
    still.append(icon("sound"));
    this.stage.append(this.remote, still, this.sound, this.hints.root, this.notice, this.soundButton, this.arrival.head, self, this.arrival.body);
    this.stage.append(this.chat.root, this.settings.root);
    const head = element("div", "call__head", {}, this.status, this.quality);
    const root = element("section", `call call--${call.role}`, {}, head, this.stage, this.bar.menu, this.bar.root, this.phone());
    // What the page showed until now (a word about the camera getting ready) has served.
    this.place.replaceChildren(root);
    return root;
  }

  private phone(): HTMLElement {
    const { phone, texts } = this.options;
    const line = element("p", "call__phone", { hidden: phone === "" }, `${texts.phone} `);
    line.append(this.phoneLink("call__phone-number", phone));
    return line;
  }

  private phoneLink(className: string, words: string): HTMLAnchorElement {
    return element("a", className, { href: `tel:${this.options.phone.replace(/[^\d+]/g, "")}` }, words);
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
      call.on("company", (people) => {
        this.atDoor = people.find((each) => each.state === "waiting");
        this.render();
      }),
      call.on("level", (level) => this.showLevel(level)),
      call.on("peerProblem", (code) => {
        this.peerSaid = texts.peerProblem[code] ?? "";
        clearTimeout(this.forgetting);
        this.forgetting = setTimeout(() => {
          this.peerSaid = "";
          this.render();
        }, PEER_SAID_MS);
        this.render();
      }),
      call.on("refused", ({ reason }) => {
        if (reason.startsWith("chat_")) this.chat.open();
        else this.said = texts.refused[reason] ?? "";
        this.render();
      }),
    );
  }

  private render(): void {
    const { call, texts, locale } = this.options;
    const { state, facts } = call.current;
    const notice = noticeOf(state, facts, texts, locale, this.options.zone);
    this.root.dataset.state = state;
    setText(this.status, notice.status);
    const quality = qualityWord(state, call.current.isSaving, texts);
    this.quality.dataset.quality = quality === null ? "" : quality.level;
    setText(this.quality, quality === null ? "" : quality.words);
    this.showNotice(notice);
    if (state === "devices") this.arrival.show(facts.isAdmitted, facts.delayMinutes, call.current.problem);
    toggle(this.root, "call--worded", notice.title !== null || state === "devices");
    toggle(this.root, "call--moving", MOVING.has(state));
    toggle(this.root, "call--in-call", IN_CALL.has(state));
    toggle(this.root, "call--picture-off", MOVING.has(state) && (!facts.peer.media.video || !this.media.wantsVideo));
    toggle(this.root, "call--peer-shows", Boolean(facts.peer.media.showing));
    this.bar.show(this.media);
    this.showHints(notice);
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
    const { phone, homeUrl } = this.options;
    const acts = notice.acts.filter((act) => !(act === "call" && phone === "") && !(act === "home" && homeUrl === undefined));
    const buttons = acts.map((act, index) => this.act(act, index === 0));
    const parts: Node[] = [element("h2", "call__title", { tabindex: "-1" }, notice.title ?? "")];
    for (const text of notice.text.split("\n").filter(Boolean)) parts.push(element("p", "call__text", {}, text));
    return buttons.length ? [...parts, element("div", "call__acts", {}, ...buttons)] : parts;
  }

  private act(act: Act, isMain: boolean): HTMLElement {
    const { call, texts, phone, homeUrl } = this.options;
    const name = act.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const className = `${isMain ? "call__act call__act--main" : "call__act"} call__act--${name}`;
    if (act === "call") {
      const link = this.phoneLink(className, fill(texts.callNumber, { phone }));
      link.prepend(icon("phone"));
      return link;
    }
    if (act === "home") return element("a", className, { href: homeUrl ?? "" }, texts.home);
    const table: Record<Exclude<Act, "call" | "home">, [string, () => void]> = {
      join: [texts.join, () => this.options.onJoin()],
      retry: [texts.retry, () => call.retry()],
      retryDevices: [texts.retryDevices, () => void call.retryDevices()],
      tryDevices: [texts.retry, () => void call.retryDevices()],
      resume: [texts.resume, () => void call.resume()],
      rejoin: [texts.rejoin, () => void call.resume()],
      admit: [texts.admit, () => call.admit()],
      companionIn: [texts.company.letIn, () => this.atDoor && call.letIn(this.atDoor.id, true)],
      companionOut: [texts.company.refuse, () => this.atDoor && call.letIn(this.atDoor.id, false)],
      later5: [fill(texts.later, { minutes: 5 }), () => this.later(5)],
      later10: [fill(texts.later, { minutes: 10 }), () => this.later(10)],
      copyLink: [texts.copyLink, () => void this.copyLink()],
      pictureBack: [texts.soundOnlyOff, () => call.setSoundOnly(false)],
      stopShowing: [texts.show.stop, () => void call.show("")],
      answer: [texts.chat.answer, () => this.open(this.chat)],
    };
    const [label, run] = table[act];
    return button(className, label, () => {
      wakeAudio();
      run();
    });
  }

  private goIn(): void {
    wakeAudio();
    this.options.call.goIn();
    // The button that had the focus is gone: the words that took its place have it.
    this.notice.querySelector<HTMLElement>(".call__title")?.focus();
  }

  private open(panel: ChatPanel | SettingsPanel): void {
    this.settings.hide();
    this.chat.close();
    panel.open();
    this.render();
  }

  private later(minutes: number): void {
    const { call, texts } = this.options;
    call.later(minutes);
    this.said = fill(texts.laterSaid, { minutes });
    this.render();
  }

  /** Copied, and shown to be copied by hand: browsers inside applications often refuse the clipboard. */
  private async copyLink(): Promise<void> {
    const { texts, getLink } = this.options;
    const link = await (getLink?.() ?? Promise.resolve(location.href)).catch(() => location.href);
    const field = element("input", "call__link", { type: "text", readonly: true, "aria-label": texts.copyLink, value: link });
    field.value = link;
    this.stage.querySelector(".call__act--copy-link")?.closest(".call__acts")?.replaceChildren(field);
    field.select();
    const isCopied = await (navigator.clipboard?.writeText(link) ?? Promise.reject(new Error("no clipboard"))).then(
      () => true,
      () => document.execCommand("copy"),
    );
    this.said = isCopied ? texts.copied : texts.copyByHand;
    this.render();
  }

  /** Somebody wrote: seen beside the picture while the messages are closed. */
  private hear(count: number, newest: string): void {
    this.bar.count(count);
    this.written = count === 0 ? "" : newest;
    if (this.root !== undefined) this.render();
  }

  private showHints(notice: Notice): void {
    const { texts, call } = this.options;
    const { state, facts, problem, isSaving } = call.current;
    const isMoving = MOVING.has(state);
    const isIn = IN_CALL.has(state);
    const peer = isMoving && facts.peer.state === "here" ? ofPeer(facts.peer, this.media, texts) : [];
    this.hints.say([this.said, isIn ? this.peerSaid : "", ...peer].filter(Boolean).join(" · "));
    const card = (name: (typeof CARDS)[number], isOn: boolean, made: () => Notice) =>
      this.hints.card(name, isOn ? made() : null, (shown) => this.words(shown));
    const made = ([title, text]: [string, string], acts: Act[]): Notice => ({ status: title, title, text, acts });
    const { atDoor } = this;
    card("company", isIn && atDoor !== undefined, () => made([fill(texts.company.waits, { name: atDoor?.name ?? "" }), texts.company.advice], ["companionIn", "companionOut"]));
    card("written", isIn && this.written !== "", () => made([texts[call.role].other, this.written], ["answer"]));
    card("saving", isMoving && isSaving, () => made(texts.saving, ["pictureBack"]));
    const { showing } = this.media;
    card("showing", isIn && Boolean(showing), () => made(showing === "screen" ? texts.show.ownScreen : texts.show.ownDocument, ["stopShowing"]));
    const wrong = problem === null ? null : problemNotice(problem, texts);
    card("problem", wrong !== null && isIn && wrong.title !== notice.title, () => wrong as Notice);
  }

  private showMedia(media: Media): void {
    this.media = media;
    toggle(this.root, "call--own-off", !media.video);
    toggle(this.root, "call--own-straight", !this.options.call.own.isMirrored);
    toggle(this.root, "call--showing", Boolean(media.showing));
    void this.useSpeaker();
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

  private async useSpeaker(): Promise<void> {
    const player = this.sound as HTMLAudioElement & { sinkId?: string; setSinkId?: (id: string) => Promise<void> };
    const id = this.options.call.own.current("speaker");
    // A loudspeaker that is gone leaves the sound where the system sends it.
    if (player.setSinkId !== undefined && id !== player.sinkId) await player.setSinkId(id).catch(() => undefined);
  }

  private async fill(): Promise<void> {
    if (document.fullscreenElement === null) await this.root.requestFullscreen().catch(() => undefined);
    else await document.exitFullscreen();
  }

  private hush(): void {
    for (const player of [this.remote, this.sound, this.own]) player.srcObject = null;
    this.soundButton.hidden = true;
    this.settings.hide();
    if (document.fullscreenElement === this.root) void document.exitFullscreen();
  }
}

function show(player: HTMLMediaElement, stream: MediaStream): void {
  // The same stream with a new track must be laid again for Safari to play it.
  if (player.srcObject !== stream) player.srcObject = stream;
  if (player instanceof HTMLVideoElement) void player.play().catch(() => undefined);
}
