/** Which words stand on the screen in which state. Pure: facts in, words and buttons out. */
import type { Facts } from "./machine";
import { fill, type Texts } from "./texts";
import type { CallState, Problem } from "./types";

export type Act = "join" | "retry" | "retryDevices" | "resume" | "rejoin" | "admit" | "later5" | "later10" | "copyLink";

export interface Notice {
  /** Said in the live region, always. */
  status: string;
  /** Shown large over the picture; null leaves the picture alone. */
  title: string | null;
  text: string;
  acts: Act[];
}

/** `locale` words the hour since when somebody waits. */
export function noticeOf(state: CallState, facts: Facts, texts: Texts, locale: string): Notice {
  const words = texts[facts.role];
  const large = ([title, text]: [string, string], acts: Act[] = []): Notice => ({ status: title, title, text, acts });
  switch (state) {
    case "idle":
      return large(words.ready, ["join"]);
    case "connecting":
      return large([words.connecting, ""]);
    case "waiting":
      return waiting(facts, texts, locale, large);
    case "admitted":
      return facts.peer.state === "here" || facts.isNegotiating ? large(words.admitted) : large(words.peerAbsent);
    case "connected":
      return large([words.connected, ""]);
    case "live":
      return bare(facts.isLinked ? words.live : texts.socketLost);
    case "poor":
      return bare(words.poor);
    case "reconnecting":
      return bare(facts.isLinked && facts.peer.state === "away" ? words.peerAway : words.reconnecting);
    case "takeover":
      return large(words.takeover, ["resume"]);
    case "ended":
      return ended(facts, texts, large);
    case "failed":
      return failed(facts, texts, large);
  }
}

/** What is wrong on this side, with what to press. */
export function problemNotice(problem: Problem, texts: Texts): Notice {
  const [title, text] = texts.problem[problem];
  const acts: Act[] = problem === "in_app_browser" ? ["copyLink"] : ["retryDevices"];
  return { status: title, title, text, acts: problem === "unsupported" || problem === "insecure_context" ? [] : acts };
}

type Large = (words: [string, string], acts?: Act[]) => Notice;

function bare(status: string): Notice {
  return { status, title: null, text: "", acts: [] };
}

function waiting(facts: Facts, texts: Texts, locale: string, large: Large): Notice {
  const words = texts[facts.role];
  if (facts.role === "insured") {
    const [title, text] = words.waiting;
    return facts.delayMinutes === null ? large([title, text]) : large([title, `${fill(words.delay, { minutes: facts.delayMinutes })} ${text}`]);
  }
  if (facts.peer.state === "waiting") {
    const [title, text] = words.peerWaiting;
    return large([fill(title, { time: hour(facts.peer.since, locale) }), text], ["admit", "later5", "later10"]);
  }
  return facts.peer.state === "away" ? large([words.peerAway, ""]) : large(words.waiting);
}

function ended(facts: Facts, texts: Texts, large: Large): Notice {
  const words = texts[facts.role];
  if (facts.reason === "left") return large(words.left, ["rejoin"]);
  if (facts.reason === "finished") return large(words.finished, ["rejoin"]);
  return large(words.closed);
}

function failed(facts: Facts, texts: Texts, large: Large): Notice {
  const words = texts[facts.role];
  if (facts.reason === "no_media") return large(words.failed, ["retry"]);
  if (facts.reason === "room_not_open") return large(words.notOpen, ["retry"]);
  return large(words.notAllowed, ["retry"]);
}

function hour(since: string | null, locale: string): string {
  const time = since === null ? new Date() : new Date(since);
  const words = time.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  return locale.startsWith("fr") ? words.replace(":", " h ") : words;
}
