/**
 * Whether a call would get through from here, by the provider in use. Each provider has a tester; the page knows only this.
 * A heavy one may be fetched when it is needed.
 */
import { builtinTester } from "./builtin";
import { livekitTester } from "./livekit";

/** What the server answers when asked what to try. */
export interface ConnectionOffer {
  provider: string;
  token: string;
  url: string;
  ice_servers: RTCIceServer[];
  has_relay: boolean;
  /** The server that carries the pictures; empty where they go from browser to browser. */
  media_url: string;
}

export type ConnectionTrouble = "socket_blocked" | "media_blocked" | "unavailable";
/** How pictures travel: straight, by the service's relay, or not at all. Empty while it is not known. */
export type Route = "direct" | "relay" | "none" | "";
export type Stage = "socket" | "media";

export interface ConnectionResult {
  trouble: ConnectionTrouble | null;
  route: Route;
}

export interface ConnectionTester {
  /** Try it with what the devices give (nothing, perhaps). Tells each stage as it begins; never throws, and ends by itself. */
  run(offer: ConnectionOffer, stream: MediaStream, onStage: (stage: Stage) => void): Promise<ConnectionResult>;
}

const TESTERS: Record<string, () => Promise<ConnectionTester>> = {
  builtin: async () => builtinTester,
  livekit: async () => livekitTester,
};

const NO_ANSWER_MS = 10_000;

/** Ask what to try, and try it. */
export async function tryConnection(
  connectionUrl: string,
  headers: Record<string, string>,
  stream: MediaStream,
  onStage: (stage: Stage) => void,
): Promise<ConnectionResult> {
  onStage("socket");
  try {
    const answer = await fetch(connectionUrl, {
      method: "POST",
      headers: { Accept: "application/json", ...headers },
      signal: AbortSignal.timeout?.(NO_ANSWER_MS),
    });
    if (!answer.ok) return { trouble: "unavailable", route: "" };
    const offer = (await answer.json()) as ConnectionOffer;
    const tester = await TESTERS[offer.provider]?.();
    return tester === undefined ? { trouble: "unavailable", route: "" } : await tester.run(offer, stream, onStage);
  } catch {
    return { trouble: "unavailable", route: "" };
  }
}
