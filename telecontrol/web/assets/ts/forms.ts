/**
 * Forms work without any of this. With it: a second press sends nothing twice, and what was typed marks the page, so
 * that it is not reloaded under somebody's hands.
 */
function guardDoubleSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (event.defaultPrevented || form.method.toLowerCase() !== "post" || form.hasAttribute("hx-post")) return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  // Marked busy rather than disabled: a disabled button would drop its own value from what is sent.
  event.submitter?.setAttribute("aria-busy", "true");
}

/** Coming back with the browser's button gives the form back as it was, ready to be sent. */
function release(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll('[aria-busy="true"]')) button.removeAttribute("aria-busy");
}

function markDirty(event: Event): void {
  (event.target as HTMLElement).closest("form")?.setAttribute("data-dirty", "");
}

/** Three fields of a birth date: a full day moves to the month, a full month to the year. */
function advance(event: Event): void {
  const field = event.target as HTMLInputElement;
  const next = field.dataset?.next;
  if (!next || field.value.length < field.maxLength || (event as InputEvent).inputType === "deleteContentBackward") return;
  document.getElementById(next)?.focus();
}

export function startForms(): void {
  document.addEventListener("submit", guardDoubleSubmit);
  document.addEventListener("input", markDirty);
  document.addEventListener("input", advance);
  window.addEventListener("pageshow", release);
  // The first field at fault takes the focus, so that it is read aloud and seen.
  document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}
