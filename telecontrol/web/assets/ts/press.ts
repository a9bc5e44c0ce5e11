/** Small acts of a button that need no server: copy, print, share. */

async function copy(button: HTMLElement): Promise<void> {
  const text = button.dataset.copy ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // browsers inside other applications often refuse the newer way
    area.remove();
  }
  const label = button.querySelector("[data-copy-label]");
  if (!label || !button.dataset.copied) return;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  window.setTimeout(() => (label.textContent = before), 2500);
}

export function startPresses(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as HTMLElement).closest<HTMLElement>("[data-copy], [data-print]");
    if (!button) return;
    if ("print" in button.dataset) window.print();
    else void copy(button);
  });
  // What only works with script is shown only with script.
  for (const element of document.querySelectorAll<HTMLElement>("[data-needs-script]")) element.hidden = false;
}
