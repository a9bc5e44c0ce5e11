/**
 * Keyboard: any element with data-key is pressed (or focused, when it takes text) by that key. "?" shows the list.
 * A person dictating or holding Control is never surprised: keys act only alone and outside fields, except those
 * written with "ctrl+", which act everywhere.
 */
function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  const kind = element instanceof HTMLInputElement ? element.type : "";
  return Boolean(element?.closest("textarea, select, [contenteditable]")) || (kind !== "" && !["radio", "checkbox", "button", "submit"].includes(kind));
}

function act(element: HTMLElement): void {
  const fold = element.closest("details");
  if (fold && !element.matches("summary")) fold.open = true; // what is pressed is also seen
  if (element instanceof HTMLInputElement && ["radio", "checkbox"].includes(element.type)) {
    element.focus();
    element.click();
  } else if (element.matches("input, textarea, select")) element.focus();
  else element.click();
}

export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.defaultPrevented) return;
    const held = event.ctrlKey || event.metaKey;
    if (!held && isTyping(event.target)) return;
    const name = (held ? "ctrl+" : "") + event.key.toLowerCase();
    const scope: ParentNode = document.querySelector("dialog[open]") ?? document;
    const element = [...scope.querySelectorAll<HTMLElement>("[data-key]")].find((each) => each.dataset.key === name);
    if (!element || element.hasAttribute("disabled")) return;
    event.preventDefault();
    act(element);
  });
}
