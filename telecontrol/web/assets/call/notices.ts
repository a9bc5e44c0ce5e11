/** Which words stand on the screen in which state. Pure: facts in, words and buttons out. */
import type { Facts } from "./machine";
import { fill, type Texts } from "./texts";
import type { CallState, Problem } from "./types";

export type Act =
  | "join"
  | "retry"
  | "retryDevices"
  /** The same, where nothing had to be allowed. */
  | "tryDevices"
  | "resume"
  | "rejoin"
  | "admit"
  | "companionIn"
  | "companionOut"
  | "later5"
  | "later10"
  | "copyLink"
  | "pictureBack"
  | "stopShowing"
  | "answer"
  /** The telephone number, to be pressed. */
  | "call"
  /** The page that one came from. */
  | "home";

export interface Notice {
  /** Said in the live region, always. */
  status: string;
  /** Shown large over the picture; null leaves the picture alone. */
  title: string | null;
  /** A line break begins another paragraph. */
  text: string;
  acts: Act[];
}

/** `locale` words the hours, which are those of `zone`: the appointment's, wherever the browser thinks it is. */
export function noticeOf(state: CallState, facts: Facts, texts: Texts, locale: string, zone?: string): Notice {
  const words = texts[facts.role];
  const large = ([title, text]: [string, string], acts: Act[] = []): Notice => ({ status: title, title, text, acts });
  switch (state) {
    case "idle":
      return large(words.ready, ["join"]);
    case "devices":
      return bare((facts.isAdmitted ? texts.devices.awaited : texts.devices.arrived)[0]);
    case "connecting":
      return large([words.connecting, ""]);
    case "waiting":
      return waiting(facts, texts, (since) => hour(since, locale, zone), large);
    case "admitted":
      return facts.peer.state === "here" || facts.isNegotiating ? large(admitted(facts, texts)) : large(words.peerAbsent);
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
  return { status: title, title, text, acts: [remedy(problem)] };
}

function remedy(problem: Problem): Act {
  switch (problem) {
    case "in_app_browser":
    case "unsupported":
    case "insecure_context":
      // Nothing helps in here: another browser does.
      return "copyLink";
    case "refused_by_browser":
    case "refused_by_system":
      return "retryDevices";
    default:
      return "tryDevices";
  }
}

export interface QualityWord {
  level: "good" | "weak" | "sound";
  words: string;
}

/** The connection in words, while there is one to speak of. */
export function qualityWord(state: CallState, isSaving: boolean, texts: Texts): QualityWord | null {
  if (state !== "live" && state !== "poor") return null;
  if (isSaving) return { level: "sound", words: texts.quality.sound };
  return state === "live" ? { level: "good", words: texts.quality.good } : { level: "weak", words: texts.quality.weak };
}

type Large = (words: [string, string], acts?: Act[]) => Notice;

function bare(status: string): Notice {
  return { status, title: null, text: "", acts: [] };
}

/** The doctor has opened; the insured may still be at their camera. */
function admitted(facts: Facts, texts: Texts): [string, string] {
  const { admitted: words } = texts[facts.role];
  return facts.peer.isReady === false ? [words[0], texts[facts.role].peerChoosing] : words;
}

function waiting(facts: Facts, texts: Texts, at: (since: string | null) => string, large: Large): Notice {
  const words = texts[facts.role];
  if (facts.role === "insured") {
    const [title, text] = words.waiting;
    return facts.delayMinutes === null ? large([title, text]) : large([title, `${fill(words.delay, { minutes: facts.delayMinutes })} ${text}`]);
  }
  if (facts.peer.state === "waiting") {
    const [title, text] = words.peerWaiting;
    return large([fill(title, { time: at(facts.peer.since) }), facts.peer.isReady === false ? words.peerChoosing : text], ["admit", "later5", "later10"]);
  }
  if (facts.peer.hasLeft || (facts.peer.state === "absent" && facts.peer.since !== null)) {
    const [title, text] = words.peerLeft;
    return large([fill(title, { time: at(facts.peer.since) }), text], ["call"]);
  }
  return facts.peer.state === "away" ? large([words.peerAway, ""]) : large(words.waiting);
}

function ended(facts: Facts, texts: Texts, large: Large): Notice {
  const words = texts[facts.role];
  if (facts.reason === "left") return large(words.left, ["rejoin", "home"]);
  // What comes next is first; coming back is for a call that was ended by mistake.
  if (facts.reason === "finished") return large(words.finished, ["home", "rejoin"]);
  return large(words.closed, ["home"]);
}

function failed(facts: Facts, texts: Texts, large: Large): Notice {
  const words = texts[facts.role];
  // By telephone the appointment is not lost: the number comes first, another try second.
  if (facts.reason === "no_media") return large(words.failed, ["call", "retry"]);
  if (facts.reason === "room_not_open") return large(words.notOpen, ["retry"]);
  return large(words.notAllowed, ["retry", "call"]);
}

function hour(since: string | null, locale: string, zone: string | undefined): string {
  const time = since === null ? new Date() : new Date(since);
  const words = time.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", timeZone: zone });
  return locale.startsWith("fr") ? words.replace(":", " h ") : words;
}
