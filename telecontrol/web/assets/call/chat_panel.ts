/** What is written during the call: shown while it lasts, kept nowhere, gone with the page. */
import { LONGEST_CHAT, type Call } from "./call";
import { button, element, setText } from "./elements";
import { icon } from "./icons";
import type { Texts } from "./texts";

export interface ChatOptions {
  call: Call;
  texts: Texts;
  /** Lines not seen yet, and the newest of them. */
  onUnread: (count: number, newest: string) => void;
  onClose: () => void;
}

export class ChatPanel {
  readonly root: HTMLElement;
  private readonly lines = element("ol", "call__lines", { role: "log", "aria-live": "polite", tabindex: "0" });
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
      call.on("chat", ({ text, mine }) => this.add(text, mine)),
      call.on("refused", (reason) => this.refuse(reason)),
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
    this.options.call.chat(text);
    this.field.value = "";
    this.field.focus();
  }

  private add(text: string, mine: boolean): void {
    const { call, texts } = this.options;
    const who = mine ? texts.you : texts[call.role].other;
    // Text nodes only: whatever is written stays text.
    const line = element("li", mine ? "call__line call__line--mine" : "call__line", {}, element("strong", "call__who", {}, who), element("span", "call__said", {}, text));
    this.lines.append(line);
    this.lines.scrollTop = this.lines.scrollHeight;
    if (mine) this.newestMine = line;
    else if (!this.isOpen) this.options.onUnread(++this.unread, text);
  }

  /** A line that was not passed on goes back into the field: nothing typed is lost. */
  private refuse(reason: string): void {
    if (!reason.startsWith("chat_") || this.newestMine === null) return;
    const said = this.newestMine.querySelector(".call__said")?.textContent ?? "";
    this.newestMine.remove();
    this.newestMine = null;
    if (this.field.value === "") this.field.value = said;
    setText(this.advice, this.options.texts.refused[reason] ?? "");
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
