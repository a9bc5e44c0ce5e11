/** LiveKit's way: our socket and our relay as with the built-in call, and whether LiveKit's server is reached from here. */
import { builtinTester } from "./builtin";
import type { ConnectionOffer, ConnectionResult, ConnectionTester, Stage } from "./connection";

const SERVER_MS = 8_000;

export const livekitTester: ConnectionTester = {
  async run(offer: ConnectionOffer, stream: MediaStream, onStage: (stage: Stage) => void): Promise<ConnectionResult> {
    onStage("socket");
    if (!(await isReached(offer.media_url))) return { trouble: "socket_blocked", route: "" };
    return builtinTester.run(offer, stream, onStage);
  },
};

/** Any answer will do: what it says is not for this page. */
async function isReached(url: string): Promise<boolean> {
  try {
    await fetch(url.replace(/^ws/, "http"), { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout?.(SERVER_MS) });
    return true;
  } catch {
    return false;
  }
}
