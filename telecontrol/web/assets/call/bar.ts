/** The four buttons with words, and behind the third what is needed seldom. Keys that act beside them hold Alt. */
import type { Call } from "./call";
import { button, element, setText, toggle } from "./elements";
import { canShowScreen } from "./devices";
import { icon, redraw, type Icon } from "./icons";
import { wakeAudio } from "./levels";
import { fill, type Texts } from "./texts";
import type { Media } from "./types";

export interface BarOptions {
  call: Call;
  texts: Texts;
  openChat: () => void;
  openSettings: () => void;
  fullScreen: (() => void) | null;
}

interface Item {
  node: HTMLButtonElement;
  isOffered: (media: Media) => boolean;
}

/** With Alt held; letters that no browser of the field's machines keeps for itself. */
const KEYS = { m: "microphone", v: "camera", c: "chat", p: "more" } as const;

export class Bar {
  readonly root = element("div", "call__bar");
  readonly menu = element("div", "call__menu", { id: "call-more", hidden: true });
  private readonly microphone: HTMLButtonElement;
  private readonly camera: HTMLButtonElement;
  private readonly more: HTMLButtonElement;
  private readonly badge = element("span", "call__badge", { hidden: true, "aria-hidden": "true" });
  private readonly chat: HTMLButtonElement;
  private readonly soundOnly: HTMLButtonElement;
  private readonly showDocument: HTMLButtonElement;
  private readonly showScreen: HTMLButtonElement;
  private readonly items: Item[];
  private media: Media = { audio: true, video: true, wantsVideo: true };
  private unread = 0;

  constructor(private readonly options: BarOptions) {
    const { call, texts } = options;
    this.microphone = this.main("microphone", "microphone", texts.microphone, () => call.setMicrophone(!this.media.audio), "Alt+M");
    this.camera = this.main("camera", "camera", texts.camera, () => call.setCamera(!this.media.video), "Alt+V");
    this.more = this.main("more", "more", texts.more, () => this.open(this.menu.hidden === true), "Alt+P");
    this.more.setAttribute("aria-expanded", "false");
    this.more.setAttribute("aria-controls", this.menu.id);
    this.more.append(this.badge);
    const isDoctor = call.role === "doctor";
    const leave = this.main("leave", "leave", isDoctor ? texts.finish : texts.leave, () => (isDoctor ? call.finish() : call.leave()));
    this.chat = this.item("chat", texts.chat.open, options.openChat);
    this.showDocument = this.item("document", texts.show.document, () => void call.show(this.media.showing === "document" ? "" : "document"));
    this.showScreen = this.item("screen", texts.show.screen, () => void call.show(this.media.showing === "screen" ? "" : "screen"));
    this.soundOnly = this.item("sound", texts.soundOnly, () => call.setSoundOnly(this.media.wantsVideo));
    const switcher = this.item("turn", texts.switchCamera, () => void call.switchCamera());
    const settings = this.item("settings", texts.settings, options.openSettings);
    const full = this.item("full", texts.fullScreen, () => options.fullScreen?.());
    const isIn = () => call.current.facts.isAdmitted;
    this.items = [
      { node: this.chat, isOffered: isIn },
      { node: this.showDocument, isOffered: () => isIn() && !isDoctor },
      { node: this.showScreen, isOffered: () => isIn() && canShowScreen() },
      { node: this.soundOnly, isOffered: isIn },
      { node: switcher, isOffered: (media) => call.hasSeveralCameras && media.video && media.showing !== "screen" },
      { node: full, isOffered: () => isIn() && options.fullScreen !== null },
      { node: settings, isOffered: () => true },
    ];
    this.menu.append(...this.items.map(({ node }) => node), element("p", "call__keys", {}, texts.keys));
    this.root.append(this.microphone, this.camera, this.more, leave);
    document.addEventListener("keydown", this.onKey);
    document.addEventListener("click", this.onClick);
  }

  destroy(): void {
    document.removeEventListener("keydown", this.onKey);
    document.removeEventListener("click", this.onClick);
  }

  show(media: Media): void {
    const { texts } = this.options;
    this.media = media;
    say(this.microphone, media.audio ? "microphone" : "microphoneOff", media.audio ? texts.microphone : texts.microphoneOff);
    const isOn = media.video && media.showing === "";
    say(this.camera, isOn ? "camera" : "cameraOff", media.video ? texts.camera : texts.cameraOff);
    label(this.soundOnly, media.wantsVideo ? texts.soundOnly : texts.soundOnlyOff);
    label(this.showDocument, media.showing === "document" ? texts.show.stop : texts.show.document);
    label(this.showScreen, media.showing === "screen" ? texts.show.stop : texts.show.screen);
    toggle(this.microphone, "call__button--off", !media.audio);
    toggle(this.camera, "call__button--off", !media.video);
    for (const { node, isOffered } of this.items) node.hidden = !isOffered(media);
  }

  /** Lines that were written meanwhile. */
  count(unread: number): void {
    const { texts } = this.options;
    this.unread = unread;
    this.badge.hidden = unread === 0;
    setText(this.badge, String(unread));
    const words = unread === 0 ? "" : fill(texts.chat.unread, { count: unread });
    this.more.setAttribute("aria-label", unread === 0 ? texts.more : `${texts.more} (${words})`);
    label(this.chat, unread === 0 ? texts.chat.open : `${texts.chat.open} (${this.unread})`);
  }

  private open(isOpen: boolean): void {
    this.menu.hidden = !isOpen;
    this.more.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.items.find(({ node }) => !node.hidden)?.node.focus();
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !this.menu.hidden) {
      this.open(false);
      this.more.focus();
      return;
    }
    if (!event.altKey || event.ctrlKey || event.metaKey || event.repeat || this.root.offsetParent === null) return;
    // With Alt some systems write another letter: then the key's place on the keyboard counts.
    const found = Object.entries(KEYS).find(([letter]) => event.key.toLowerCase() === letter || event.code === `Key${letter.toUpperCase()}`);
    if (found === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (found[1] === "chat" && this.chat.hidden) return;
    this[found[1]].click();
  };

  private readonly onClick = (event: Event): void => {
    const target = event.target as Node;
    if (!this.menu.hidden && !this.menu.contains(target) && !this.more.contains(target)) this.open(false);
  };

  private main(name: string, drawing: Icon, words: string, onClick: () => void, key = ""): HTMLButtonElement {
    const made = button(`call__button call__button--${name}`, "", () => {
      wakeAudio();
      onClick();
    });
    if (key !== "") {
      made.setAttribute("aria-keyshortcuts", key);
      made.title = `${words} (${key})`;
    }
    made.append(icon(drawing), element("span", "call__label", {}, words));
    return made;
  }

  private item(drawing: Icon, words: string, onClick: () => void): HTMLButtonElement {
    const made = button(`call__item call__item--${drawing}`, "", () => {
      wakeAudio();
      this.open(false);
      this.more.focus();
      onClick();
    });
    made.append(icon(drawing), element("span", "call__label", {}, words));
    return made;
  }
}

function say(node: HTMLButtonElement, drawing: Icon, words: string): void {
  redraw(node.querySelector("svg") as SVGSVGElement, drawing);
  label(node, words);
  const key = node.getAttribute("aria-keyshortcuts");
  if (key !== null) node.title = `${words} (${key})`;
}

function label(node: HTMLButtonElement, words: string): void {
  setText(node.querySelector(".call__label") as Element, words);
}
