/** What is written during the call: shown while it lasts, kept nowhere, gone with the page. */
import type { Call } from "./call";
import { button, element, setText } from "./elements";
import { icon } from "./icons";
import { nameOf } from "./others";
import type { Texts } from "./texts";
import { LONGEST_CHAT, type Who } from "./types";

export interface ChatOptions {
  call: Call;
  texts: Texts;
  /** Lines not seen yet, and the newest of them. */
  onUnread: (count: number, newest: string) => void;
  onClose: () => void;
}

export class ChatPanel {
  readonly root: HTMLElement;
  private readonly lines = element("div", "call__lines", { role: "log", "aria-live": "polite", tabindex: "0" });
  private readonly field: HTMLTextAreaElement;
  private readonly advice = element("p", "call__advice", { role: "status" });
  private readonly stops: (() => void)[];
  private newestMine: HTMLElement | null = null;
  private unread = 0;

  constructor(private readonly options: ChatOptions) {
    const { call, texts } = options;
    const words = texts.chat;
    this.lines.setAttribute("aria-label", words.title);
    this.field = element("textarea", "call__field", {
      id: "call-chat-text",
      rows: "2",
      maxlength: String(LONGEST_CHAT),
      placeholder: words.label,
      "aria-label": words.label,
    });
    this.field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.close();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    const form = element("form", "call__write", {}, this.field, button("call__act call__act--main", words.send, () => this.send()));
    form.addEventListener("submit", (event) => event.preventDefault());
    const close = button("call__close", "", () => this.close(), { "aria-label": texts.close });
    close.append(icon("close"));
    const head = element("header", "call__panel-head", {}, element("h2", "call__panel-title", {}, words.title), close);
    this.root = element("section", "call__panel call__panel--chat", { hidden: true, "aria-label": words.title });
    this.root.append(head, element("p", "call__panel-note", {}, words.notKept), this.lines, this.advice, form);
    this.stops = [
      call.on("chat", ({ text, mine, from }) => this.add(text, mine, from ?? (call.role === "doctor" ? "insured" : "doctor"))),
      call.on("refused", ({ reason, text }) => this.refuse(reason, text)),
      call.on("change", ({ state }) => (state === "ended" || state === "takeover") && this.forget()),
    ];
  }

  destroy(): void {
    for (const stop of this.stops) stop();
  }

  get isOpen(): boolean {
    return !this.root.hidden;
  }

  open(): void {
    this.root.hidden = false;
    this.seen();
    this.field.focus();
    this.lines.scrollTop = this.lines.scrollHeight;
  }

  close(): void {
    if (!this.isOpen) return;
    this.root.hidden = true;
    this.options.onClose();
  }

  private send(): void {
    const text = this.field.value.trim();
    if (text === "") return;
    setText(this.advice, "");
    this.options.call.chat(text.slice(0, LONGEST_CHAT));
    // More than one line holds comes from lines that were given back: the rest is the next one.
    this.field.value = text.slice(LONGEST_CHAT);
    this.field.focus();
  }

  private add(text: string, mine: boolean, from: Who): void {
    const { texts } = this.options;
    const who = mine ? texts.you : nameOf(from, texts);
    // Text nodes only: whatever is written stays text.
    const line = element("p", mine ? "call__line call__line--mine" : "call__line", {}, element("strong", "call__who", {}, who), element("span", "call__said", {}, text));
    this.lines.append(line);
    this.lines.scrollTop = this.lines.scrollHeight;
    if (mine) this.newestMine = line;
    else if (!this.isOpen) this.options.onUnread(++this.unread, text);
  }

  /** A line that was not passed on goes back into the field, before what is being typed: nothing is lost. */
  private refuse(reason: string, text?: string): void {
    if (!reason.startsWith("chat_")) return;
    const line = text === undefined ? this.newestMine : this.mine(text);
    if (line === null) return;
    line.remove();
    if (line === this.newestMine) this.newestMine = null;
    this.field.value = [wordsOf(line), this.field.value].filter(Boolean).join("\n");
    setText(this.advice, this.options.texts.refused[reason] ?? "");
  }

  /** The newest own line with these words. */
  private mine(text: string): HTMLElement | null {
    const lines = [...this.lines.querySelectorAll<HTMLElement>(".call__line--mine")];
    return lines.reverse().find((line) => wordsOf(line) === text) ?? null;
  }

  private seen(): void {
    this.unread = 0;
    this.options.onUnread(0, "");
  }

  private forget(): void {
    this.lines.replaceChildren();
    this.newestMine = null;
    this.field.value = "";
    setText(this.advice, "");
    this.root.hidden = true;
    this.seen();
  }
}

function wordsOf(line: HTMLElement): string {
  return line.querySelector(".call__said")?.textContent ?? "";
}
