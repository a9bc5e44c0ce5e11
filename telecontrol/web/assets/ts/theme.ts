/** Light, dark, or as the device says. Kept in a cookie, so that the server writes the attribute and nothing flashes. */
const YEAR = 365 * 24 * 3600;

export function startTheme(): void {
  const root = document.documentElement;
  const buttons = document.querySelectorAll<HTMLElement>("[data-theme-choice]");
  const show = (): void => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme ?? "auto")));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const choice = button.dataset.themeChoice ?? "auto";
      root.dataset.theme = choice;
      document.cookie = `theme=${choice}; Path=/; Max-Age=${YEAR}; SameSite=Lax`;
      show();
    });
  }
  show();
}
