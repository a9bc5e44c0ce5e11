/**
 * A doctor's private notes, saved as they are typed.
 *
 *   <form data-notes action="…"> text area "text", hidden "revision" and "csrf_token"
 *     <span data-notes-state="saved">, "typing", "waiting", "signed-out", "conflict": one is shown at a time
 *     <div data-notes-conflict hidden> <pre data-notes-kept></pre> <button data-notes-both> <button data-notes-mine> </div>
 *   </form>
 *
 * What is typed is in the page and, sealed, on the server: never in the browser's own storage. What could not be sent is
 * tried again; a text that another window saved meanwhile is shown beside this one, and the doctor chooses.
 */
const PAUSE_MS = 800;
const LONGEST_PAUSE_MS = 5_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30_000;
const TIMEOUT_MS = 15_000;

interface Kept {
  revision: number;
  text?: string;
}

class Notes {
  private readonly area: HTMLTextAreaElement;
  private readonly revision: HTMLInputElement;
  private saved: string;
  private sent = "";
  private isSending = false;
  private isAsking = false;
  private firstChange = 0;
  private failures = 0;
  private timer: number | undefined;

  constructor(private readonly form: HTMLFormElement) {
    this.area = form.elements.namedItem("text") as HTMLTextAreaElement;
    this.revision = form.elements.namedItem("revision") as HTMLInputElement;
    this.saved = this.area.value;
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("blur", () => this.isDirty && void this.save());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    form.querySelector("[data-notes-both]")?.addEventListener("click", () => this.settle(true));
    form.querySelector("[data-notes-mine]")?.addEventListener("click", () => this.settle(false));
    window.addEventListener("online", () => void this.save());
    window.addEventListener("beforeunload", (event) => {
      if (this.isDirty) event.preventDefault();
    });
    // A locked tablet or a closed tab: one last try that outlives the page.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.isDirty && !this.isAsking) void this.send(true).catch(() => undefined);
    });
  }

  private get isDirty(): boolean {
    return this.area.value !== this.saved;
  }

  private changed(): void {
    if (this.firstChange === 0) this.firstChange = Date.now();
    const left = LONGEST_PAUSE_MS - (Date.now() - this.firstChange);
    this.plan(Math.max(0, Math.min(PAUSE_MS, left)));
  }

  private plan(delay: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), delay);
  }

  private async save(): Promise<void> {
    if (this.isSending || this.isAsking) return;
    if (!this.isDirty) {
      this.tell("saved");
      return;
    }
    this.isSending = true;
    this.firstChange = 0;
    this.tell("typing");
    try {
      this.take(await this.send(false));
    } catch {
      this.retry("waiting");
    } finally {
      this.isSending = false;
    }
  }

  private async send(isLast: boolean): Promise<Response> {
    this.sent = this.area.value;
    const body = new URLSearchParams({ text: this.sent, revision: this.revision.value });
    const token = (this.form.elements.namedItem("csrf_token") as HTMLInputElement).value;
    const signal = isLast ? undefined : AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(this.form.action, {
      method: "POST",
      body,
      keepalive: isLast,
      signal,
      headers: { Accept: "application/json", "X-CSRF-Token": token },
    });
    if (!isLast && answer.ok) await this.kept(await answer.clone().json().catch(() => null));
    return answer;
  }

  private take(answer: Response): void {
    if (answer.redirected || [401, 403, 404].includes(answer.status)) this.retry("signed-out");
    else if (answer.status === 409) void answer.json().then((kept: Kept) => this.clash(kept));
    else if (!answer.ok) this.retry("waiting");
  }

  private async kept(body: Kept | null): Promise<void> {
    if (body === null) return;
    this.revision.value = String(body.revision);
    this.saved = this.sent;
    this.failures = 0;
    if (this.isDirty) this.plan(PAUSE_MS);
    else {
      this.form.removeAttribute("data-dirty");
      this.tell("saved");
    }
  }

  private retry(state: "waiting" | "signed-out"): void {
    this.tell(state);
    this.plan(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures));
    this.failures += 1;
  }

  /** Another window saved meanwhile. Our own last try, whose answer never came, is no other window. */
  private clash(kept: Kept): void {
    this.revision.value = String(kept.revision);
    if (kept.text === this.saved || kept.text === this.sent) {
      this.saved = kept.text;
      this.plan(0);
      return;
    }
    this.isAsking = true;
    const box = this.form.querySelector<HTMLElement>("[data-notes-conflict]");
    const shown = this.form.querySelector("[data-notes-kept]");
    if (shown) shown.textContent = kept.text ?? "";
    if (box) box.hidden = false;
    this.tell("conflict");
  }

  private settle(isBoth: boolean): void {
    const kept = this.form.querySelector("[data-notes-kept]")?.textContent ?? "";
    if (isBoth) this.area.value = `${kept}\n\n${this.area.value}`.trim();
    this.saved = kept;
    this.isAsking = false;
    const box = this.form.querySelector<HTMLElement>("[data-notes-conflict]");
    if (box) box.hidden = true;
    this.area.focus();
    void this.save();
  }

  private tell(state: "typing" | "saved" | "waiting" | "signed-out" | "conflict"): void {
    for (const each of this.form.querySelectorAll<HTMLElement>("[data-notes-state]")) each.hidden = each.dataset.notesState !== state;
  }
}

export function startNotes(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-notes]")) new Notes(form);
}
