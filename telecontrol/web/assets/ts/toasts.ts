/** Short messages: those the server wrote on the page, and those sent with an htmx answer (HX-Trigger: {"toast": {…}}). */
import Toast from "bootstrap/js/dist/toast";

interface Message {
  text: string;
  tone?: string;
}

function add({ text, tone = "info" }: Message): void {
  const region = document.getElementById("toasts");
  const model = document.querySelector<HTMLTemplateElement>("#toast-model");
  if (!region || !model) return;
  const toast = (model.content.cloneNode(true) as DocumentFragment).querySelector<HTMLElement>(".toast");
  if (!toast) return;
  toast.classList.add(`toast--${tone}`);
  const body = toast.querySelector("[data-toast-text]");
  if (body) body.textContent = text;
  region.append(toast);
  new Toast(toast, { delay: 8000 }).show();
  toast.addEventListener("hidden.bs.toast", () => toast.remove());
}

export function startToasts(): void {
  document.body.addEventListener("toast", (event) => add((event as CustomEvent<Message>).detail));
  // An answer that never came is said, with what to do; the page itself stays as it was.
  const region = document.getElementById("toasts");
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.body.addEventListener(name, () => add({ text: region?.dataset.unreachable ?? "", tone: "danger" }));
  }
}
