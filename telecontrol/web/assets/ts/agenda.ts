/**
 * The doctor's week as a calendar: each item of [data-week] is placed by its minutes of the day. Without script the same
 * items are a list a day. Positions are set as properties of the element, never as a style attribute (the policy refuses those).
 */
const HOUR = 60;
const EARLIEST = 8 * HOUR;
const LATEST = 18 * HOUR;
const SHORTEST = 20;

const minutes = (item: HTMLElement, name: "from" | "to"): number => Number(item.dataset[name] ?? 0);

function scale(week: HTMLElement, from: number, to: number): void {
  const ruler = document.createElement("div");
  ruler.className = "week__ruler";
  ruler.setAttribute("aria-hidden", "true");
  for (let at = from; at <= to; at += HOUR) {
    const mark = document.createElement("span");
    mark.textContent = `${at / HOUR} h`;
    mark.style.setProperty("--at", String(at - from));
    ruler.append(mark);
  }
  week.prepend(ruler);
}

export function startAgenda(): void {
  const week = document.querySelector<HTMLElement>("[data-week]");
  if (!week || !matchMedia("(min-width: 64rem)").matches) return;
  const items = [...week.querySelectorAll<HTMLElement>("[data-span]")];
  const hours = items.filter((item) => item.dataset.span !== "absence");
  const from = Math.floor(Math.min(EARLIEST, ...hours.map((item) => minutes(item, "from"))) / HOUR) * HOUR;
  const to = Math.ceil(Math.max(LATEST, ...hours.map((item) => minutes(item, "to"))) / HOUR) * HOUR;
  week.classList.add("week--drawn");
  week.style.setProperty("--minutes", String(to - from));
  for (const item of items) {
    const begins = Math.max(from, minutes(item, "from"));
    const ends = Math.min(to, Math.max(minutes(item, "to"), begins + SHORTEST));
    item.style.setProperty("--at", String(begins - from));
    item.style.setProperty("--for", String(Math.max(0, ends - begins)));
  }
  shorten(items);
  scale(week, from, to);
}

/** Where an appointment follows at once, an opening says its hours on one line: a second one would show through between two. */
function shorten(items: HTMLElement[]): void {
  for (const opening of items.filter((item) => item.dataset.span === "opening")) {
    const since = minutes(opening, "from");
    const isFollowed = items.some(
      (item) =>
        item.dataset.span === "appointment" &&
        item.parentElement === opening.parentElement &&
        minutes(item, "to") > since &&
        minutes(item, "from") < since + HOUR,
    );
    opening.classList.toggle("week__opening--short", isFollowed);
  }
}
