/**
 * A link with data-dialog leads to a page that asks for confirmation. With script the same page's form opens over the
 * present one; without, or when it cannot be fetched, the link is simply followed.
 */
async function open(link: HTMLAnchorElement, dialog: HTMLDialogElement): Promise<void> {
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = page.querySelector("[data-dialog-part]");
    if (!answer.ok || !part) throw new Error("no part");
    dialog.replaceChildren(document.adoptNode(part));
    dialog.showModal();
    dialog.querySelector<HTMLElement>("h1, h2")?.setAttribute("id", "dialog-title");
  } catch {
    location.assign(link.href);
  }
}

export function startDialogs(): void {
  const dialog = document.querySelector<HTMLDialogElement>("dialog#dialog");
  if (!dialog?.showModal) return;
  document.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    const link = target.closest<HTMLAnchorElement>("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      void open(link, dialog);
    } else if (dialog.open && (target === dialog || target.closest("[data-dialog-close]"))) {
      event.preventDefault();
      dialog.close();
    }
  });
}
