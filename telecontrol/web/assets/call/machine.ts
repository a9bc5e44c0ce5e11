/**
 * The one state machine of the call: facts in, a state out. It knows no browser and no provider.
 *
 * A picture that moves is worth more than any other fact: while it does, a lost socket changes nothing.
 */
import { ABSENT, type AdapterEvent, type CallState, type Peer, type Quality, type Role } from "./types";

export interface Facts {
  readonly role: Role;
  readonly isStarted: boolean;
  /** Arrived, and choosing camera and microphone. */
  readonly isChoosing: boolean;
  readonly isLinked: boolean;
  readonly wasLinked: boolean;
  /** The server was heard by polling while the socket did not pass. */
  readonly isPolled: boolean;
  readonly isAdmitted: boolean;
  readonly peer: Peer;
  readonly isNegotiating: boolean;
  readonly isTransported: boolean;
  readonly quality: Quality;
  readonly wasLive: boolean;
  readonly delayMinutes: number | null;
  readonly outcome: "takeover" | "ended" | "failed" | null;
  readonly reason: string;
  readonly opensAt: string | null;
}

export type Input = AdapterEvent | { type: "start"; isChoosing?: boolean } | { type: "settled" };

export function begin(role: Role): Facts {
  return {
    role,
    isStarted: false,
    isChoosing: false,
    isLinked: false,
    wasLinked: false,
    isPolled: false,
    isAdmitted: false,
    peer: ABSENT,
    isNegotiating: false,
    isTransported: false,
    quality: "none",
    wasLive: false,
    delayMinutes: null,
    outcome: null,
    reason: "",
    opensAt: null,
  };
}

/** The facts after something happened. */
export function reduce(facts: Facts, input: Input): Facts {
  switch (input.type) {
    case "start":
      return { ...begin(facts.role), isStarted: true, isChoosing: input.isChoosing ?? false };
    case "settled":
      return { ...facts, isChoosing: false };
    case "link":
      return { ...facts, isLinked: input.up, wasLinked: facts.wasLinked || input.up, isPolled: input.up ? false : facts.isPolled };
    case "welcome":
      return admitted({ ...facts, isLinked: true, wasLinked: true }, input.isAdmitted);
    case "polled":
      return facts.isLinked ? facts : admitted({ ...facts, isPolled: true }, input.isAdmitted);
    case "delay":
      return { ...facts, delayMinutes: input.minutes };
    case "admitted":
      return admitted(facts, true);
    case "peer":
      return withPeer(facts, input.peer);
    case "negotiating":
      return { ...facts, isNegotiating: true, isTransported: false, quality: "none", outcome: null, reason: "" };
    case "transport":
      return { ...facts, isTransported: input.connected };
    case "quality":
      return { ...facts, quality: input.quality, wasLive: facts.wasLive || input.quality === "live", isNegotiating: facts.isNegotiating && input.quality === "none" };
    case "takeover":
      return over(facts, "takeover", "");
    case "ended":
      return over(facts, "ended", input.reason);
    case "failed":
      return { ...over(facts, "failed", input.reason), opensAt: input.opensAt ?? null };
    default:
      return facts;
  }
}

export function stateOf(facts: Facts): CallState {
  if (facts.outcome !== null) return facts.outcome;
  if (!facts.isStarted) return "idle";
  if (facts.isChoosing) return "devices";
  if (facts.quality !== "none") return facts.quality;
  if (!facts.isLinked && !facts.isPolled) return facts.wasLinked ? "reconnecting" : "connecting";
  if (!facts.isAdmitted) return "waiting";
  if (facts.wasLive && facts.peer.state !== "absent") return "reconnecting";
  if (facts.isTransported) return "connected";
  return facts.role === "doctor" && facts.peer.state !== "here" ? "waiting" : "admitted";
}

function admitted(facts: Facts, isAdmitted: boolean): Facts {
  const delayMinutes = isAdmitted ? null : facts.delayMinutes;
  return { ...facts, isAdmitted, delayMinutes, wasLive: facts.wasLive && isAdmitted };
}

function withPeer(facts: Facts, peer: Peer): Facts {
  if (peer.state !== "absent") return { ...facts, peer };
  // Gone for good, and their picture with them; a picture that still moves says that only their socket is cut.
  const hasStopped = peer.hasLeft || facts.quality === "none";
  return hasStopped ? { ...facts, peer, quality: "none", isTransported: false, isNegotiating: false, wasLive: false } : { ...facts, peer };
}

function over(facts: Facts, outcome: "takeover" | "ended" | "failed", reason: string): Facts {
  return { ...facts, outcome, reason, quality: "none", isTransported: false, isNegotiating: false, wasLive: false };
}
