/**
 * A form that htmx has just put on the page is its own only a moment later (at its `settle`). Sent in between, by a quick hand or by
 * a key, it would go as from a page without scripts: the page would load anew, and a call on it break off. So it waits that moment.
 */
const NOT_YET = ".htmx-added";
const SOON_MS = 10;

export function startEarlyForms(): void {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.closest(NOT_YET)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const again = (): void => {
        if (!form.isConnected) return;
        if (form.closest(NOT_YET)) setTimeout(again, SOON_MS);
        else form.requestSubmit(event.submitter);
      };
      setTimeout(again, SOON_MS);
    },
    true,
  );
}
