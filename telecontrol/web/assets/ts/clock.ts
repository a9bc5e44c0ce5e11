/**
 * Countdowns that follow the service's clock, not the device's: the page carries the server's instant, so a telephone
 * set an hour wrong (or a demo whose clock was moved) still counts right.
 *
 *   <meta name="server-now" content="2026-03-24T08:31:07Z">
 *   <time data-countdown data-until="…Z">           shown as words, "dans 12 minutes"
 *   <time data-countdown data-since="…Z">           shown as an age, "4 min"
 *   <… data-countdown-reload>                       the page asks the server again when the instant is reached
 */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const RELOAD_MARK = "countdown-reload";
const LEAST_BETWEEN_RELOADS = 15 * SECOND;

function serverOffset(): number {
  const stated = document.querySelector<HTMLMetaElement>('meta[name="server-now"]')?.content;
  const instant = stated ? Date.parse(stated) : NaN;
  return Number.isNaN(instant) ? 0 : instant - Date.now();
}

let offset = 0;

/** The service's present instant, in milliseconds. */
export const serviceNow = (): number => Date.now() + offset;

function words(milliseconds: number, language: string): string {
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const ahead = Math.max(0, milliseconds);
  if (ahead >= 2 * DAY) return relative.format(Math.floor(ahead / DAY), "day");
  if (ahead >= 2 * HOUR) return relative.format(Math.floor(ahead / HOUR), "hour");
  if (ahead >= MINUTE) return relative.format(Math.ceil(ahead / MINUTE), "minute");
  return relative.format(Math.ceil(ahead / SECOND), "second");
}

function age(milliseconds: number): string {
  const elapsed = Math.max(0, milliseconds);
  if (elapsed >= 2 * HOUR) return `${Math.floor(elapsed / HOUR)} h`;
  if (elapsed >= MINUTE) return `${Math.floor(elapsed / MINUTE)} min`;
  return `${Math.floor(elapsed / SECOND)} s`;
}

/** Asked again at most once every quarter of a minute: a server that disagrees must not be hammered. */
function reloadOnce(): void {
  const last = Number(sessionStorage.getItem(RELOAD_MARK) ?? 0);
  if (Date.now() - last < LEAST_BETWEEN_RELOADS) return;
  sessionStorage.setItem(RELOAD_MARK, String(Date.now()));
  location.reload();
}

function tick(): void {
  const now = serviceNow();
  const language = document.documentElement.lang || "fr";
  for (const element of document.querySelectorAll<HTMLElement>("[data-countdown]")) {
    const until = Date.parse(element.dataset.until ?? "");
    const since = Date.parse(element.dataset.since ?? "");
    const text = Number.isNaN(until) ? age(now - since) : words(until - now, language);
    if (!(Number.isNaN(until) && Number.isNaN(since)) && element.textContent !== text) element.textContent = text;
    if (until + SECOND <= now && "countdownReload" in element.dataset && !document.querySelector("[data-dirty]")) reloadOnce();
  }
}

export function startCountdowns(): void {
  offset = serverOffset();
  if (!document.querySelector("[data-countdown]") && !document.querySelector("[data-countdown-host]")) return;
  tick();
  window.setInterval(tick, SECOND);
}
