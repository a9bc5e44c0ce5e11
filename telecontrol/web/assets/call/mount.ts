/** Puts a call on a page: adapter, machine, view, and the page's own comings and goings. */
import { Builtin } from "./builtin";
import { Call } from "./call";
import { chime, wakeAudio } from "./levels";
import { Livekit } from "./livekit";
import { NotAllowed, type GetTicket } from "./link";
import { showOthers } from "./others";
import { textsIn, type Texts } from "./texts";
import type { Adapter, Media, Role, Ticket } from "./types";
import { View } from "./view";

export interface MountOptions {
  role: Role;
  /** Where `POST` answers with a ticket (same origin)… */
  ticketUrl?: string;
  /** …or how to get one. Throw `NotAllowed` when asking again would change nothing. */
  getTicket?: GetTicket;
  /** Sent with the POST, such as the form's token. */
  headers?: Record<string, string>;
  /** Names the call for this tab, so that a reload comes back by itself. */
  room?: string;
  phone?: string;
  language?: string;
  texts?: Partial<Texts>;
  /** This page is that of somebody who comes with the insured, from a device of their own. */
  isCompanion?: boolean;
  /** "button" shows a button first; "devices" arrives and lets one choose camera and microphone; "now" enters at once. */
  start?: "button" | "devices" | "now";
  /** Where `POST` answers `{url}` with a link that opens the call in another browser. */
  linkUrl?: string;
  /** Where to go when the call is over, if anywhere. */
  afterUrl?: string;
  /** The time zone in which hours are told: the appointment's or the doctor's, as on the page around. The browser's without it. */
  zone?: string;
}

export interface Mounted {
  call: Call;
  destroy(): void;
}

/** Every provider by its name; each is a client of the same machine. */
const ADAPTERS: Record<string, (role: Role, getTicket: GetTicket) => Adapter> = {
  builtin: (role, getTicket) => new Builtin({ role, getTicket, isHidden: () => document.hidden }),
  livekit: (role, getTicket) => new Livekit({ role, getTicket, isHidden: () => document.hidden }),
};

export function mount(place: HTMLElement, options: MountOptions, provider = "builtin"): Mounted {
  const adapter = ADAPTERS[provider];
  if (adapter === undefined) throw new Error(`unknown provider: ${provider}`);
  const language = options.language ?? (document.documentElement.lang || "fr");
  const known = textsIn(language);
  const words = options.isCompanion ? { ...known, insured: { ...known.insured, ...known.asCompanion } } : known;
  const texts: Texts = { ...words, ...options.texts };
  const isTelephone = matchMedia("(pointer: coarse)").matches;
  const call = new Call(options.role, adapter(options.role, options.getTicket ?? posting(options)), { isTelephone });
  const memory = new Memory(options.room);
  if (memory.isInside && memory.wishes !== null) call.wish(memory.wishes);
  const enter = (): void => {
    wakeAudio();
    void call.start();
  };
  const view = new View(place, {
    call,
    texts,
    locale: language,
    phone: options.phone ?? "",
    onJoin: enter,
    getLink: options.linkUrl === undefined ? undefined : () => askLink(options),
    homeUrl: options.afterUrl,
    zone: options.zone,
  });
  const stops = [announce(place, call), remember(call, memory), followPage(call, isTelephone), ring(call), callIn(call), goOn(call, options.afterUrl), guard(place, call, texts), showOthers(place, call, texts)];
  if (options.start === "now" || memory.isInside) enter();
  else if (options.start === "devices") void call.arrive();
  return {
    call,
    destroy: () => {
      for (const stop of stops) stop();
      view.destroy();
      call.destroy();
    },
  };
}

/** The page's scripts hear `call:state`, `call:peer` and `call:problem` on the element. */
function announce(place: HTMLElement, call: Call): () => void {
  const tell = (name: string, detail: unknown) => place.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  const stops = [
    call.on("change", ({ state, facts }) => tell("call:state", { state, reason: facts.reason, delayMinutes: facts.delayMinutes })),
    call.on("peer", (peer) => tell("call:peer", peer)),
    call.on("problem", (problem) => tell("call:problem", { problem })),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Whether this tab was in the call, with what switched off: a reload comes back without a click, a page opened by a robot enters nothing. */
class Memory {
  constructor(private readonly room: string | undefined) {}

  get isInside(): boolean {
    return this.room !== undefined && read(`call:${this.room}`) === "inside";
  }

  keep(isInside: boolean): void {
    if (this.room !== undefined) write(`call:${this.room}`, isInside ? "inside" : "");
  }

  get wishes(): Media | null {
    const [audio, video, wantsVideo] = read(`call:${this.room}:wishes`);
    return wantsVideo === undefined ? null : { audio: audio === "1", video: video === "1", wantsVideo: wantsVideo === "1" };
  }

  keepWishes({ audio, video, wantsVideo }: Media): void {
    if (this.room !== undefined) write(`call:${this.room}:wishes`, [audio, video, wantsVideo].map(Number).join(""));
  }
}

function remember(call: Call, memory: Memory): () => void {
  const stops = [
    call.on("change", ({ state }) => {
      if (state === "ended" || state === "takeover") memory.keep(false);
      else if (state !== "idle" && state !== "devices" && state !== "failed") memory.keep(true);
    }),
    call.on("media", () => memory.keepWishes(call.wishes)),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Goodbye when the page goes (its seat is kept), back when it returns, and a look at the socket when it wakes. */
function followPage(call: Call, isTelephone: boolean): () => void {
  const isOver = (): boolean => ["idle", "ended", "takeover"].includes(call.current.state);
  const listeners: [EventTarget, string, (event: Event) => void][] = [
    [window, "pagehide", () => !isOver() && call.pause()],
    [window, "pageshow", (event) => (event as PageTransitionEvent).persisted && !isOver() && void call.resume()],
    [window, "online", () => !isOver() && call.wake()],
    [document, "visibilitychange", () => !isOver() && call.setHidden(document.hidden, isTelephone)],
  ];
  for (const [target, name, listener] of listeners) target.addEventListener(name, listener);
  return () => listeners.forEach(([target, name, listener]) => target.removeEventListener(name, listener));
}

/** The doctor's page rings once for each arrival, and its title says so while somebody waits. */
function ring(call: Call): () => void {
  if (call.role !== "doctor") return () => undefined;
  let wasWaiting = false;
  return call.on("peer", ({ state }) => {
    const isWaiting = state === "waiting";
    if (isWaiting && !wasWaiting) void chime();
    if (isWaiting !== wasWaiting) document.title = isWaiting ? `● ${document.title}` : document.title.replace(/^● /, "");
    wasWaiting = isWaiting;
  });
}

/** Whoever laid the telephone down while waiting hears that the doctor has opened. */
function callIn(call: Call): () => void {
  if (call.role !== "insured") return () => undefined;
  let wasAdmitted = false;
  return call.on("change", ({ state, facts }) => {
    if (facts.isAdmitted && !wasAdmitted && (state === "devices" || state === "admitted")) void chime(call.own.current("speaker"));
    wasAdmitted = facts.isAdmitted;
  });
}

async function askLink(options: MountOptions): Promise<string> {
  const headers = { Accept: "application/json", ...options.headers };
  const answer = await fetch(options.linkUrl ?? "", { method: "POST", credentials: "same-origin", headers });
  if (!answer.ok) throw new Error(`link: ${answer.status}`);
  return ((await answer.json()) as { url: string }).url;
}

/** Where the insured goes on by themselves. Of a call that the doctor ended the page says so, and stays. */
function goOn(call: Call, afterUrl: string | undefined): () => void {
  if (afterUrl === undefined) return () => undefined;
  return call.on("change", ({ state, facts }) => {
    if (state === "ended" && facts.reason !== "left" && facts.reason !== "finished") location.assign(afterUrl);
  });
}

/**
 * While the insured is let in, no link or button of the page around leads out of the call unasked; what may only be done
 * before (`data-before-call`) is gone by then.
 */
function guard(place: HTMLElement, call: Call, texts: Texts): () => void {
  if (call.role !== "insured") return () => undefined;
  const ask = (event: Event): void => {
    const target = event.target as Element;
    const leads = event.type === "submit" ? target : target.closest("a[href]:not([href^='tel:'], [href^='mailto:'], [href^='#'], [target], [download])");
    if (leads === null || place.contains(leads) || !call.isGoingOn || confirm(texts.leaveCall)) return;
    event.preventDefault();
    // Nothing else may take the press for granted either.
    event.stopImmediatePropagation();
  };
  for (const name of ["click", "submit"]) document.addEventListener(name, ask, true);
  const stop = call.on("change", ({ facts }) => {
    for (const element of document.querySelectorAll<HTMLElement>("[data-before-call]")) element.hidden = facts.isAdmitted;
  });
  return () => {
    stop();
    for (const name of ["click", "submit"]) document.removeEventListener(name, ask, true);
  };
}

function posting(options: MountOptions): GetTicket {
  return async () => {
    const answer = await fetch(options.ticketUrl ?? "", {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json", ...options.headers },
    });
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      const problem = (await answer.json().catch(() => ({}))) as { code?: string };
      throw new NotAllowed(problem.code ?? "not_allowed");
    }
    if (!answer.ok) throw new Error(`ticket: ${answer.status}`);
    return (await answer.json()) as Ticket;
  };
}

function read(key: string): string {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    // Private windows may refuse storage: then a reload asks for a click.
    return "";
  }
}

function write(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // As above.
  }
}
