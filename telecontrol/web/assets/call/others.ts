/** Companions and interpreters beside the picture: small, heard, and named for what they are. */
import type { Call } from "./call";
import { button, element } from "./elements";
import type { Texts } from "./texts";
import type { Other, Who } from "./types";

/** What somebody of the call is called on the other pages: by their part in it, never by name. */
export function nameOf(who: Who, texts: Texts): string {
  if (who === "companion") return texts.companion;
  return texts[who === "doctor" ? "insured" : "doctor"].other;
}

/** Show whoever is there beside doctor and insured; the answer stops it. */
export function showOthers(place: HTMLElement, call: Call, texts: Texts): () => void {
  const row = element("div", "call__others", { hidden: true });
  const players = new Map<string, HTMLVideoElement>();
  place.querySelector(".call__stage")?.append(row);

  const show = (others: Other[]): void => {
    for (const [id, player] of players) {
      if (others.some((other) => other.id === id)) continue;
      player.srcObject = null;
      player.parentElement?.remove();
      players.delete(id);
    }
    for (const { id, who, stream } of others) {
      let player = players.get(id);
      if (player === undefined) {
        player = element("video", "call__other-picture", { playsinline: true, autoplay: true, "aria-label": nameOf(who, texts) });
        players.set(id, player);
        const place = element("div", "call__other", {}, player, element("span", "call__other-name", {}, nameOf(who, texts)));
        // The doctor decides who is in the call.
        if (call.role === "doctor") place.append(button("call__other-out", texts.company.putOut, () => call.letIn(id.slice(id.indexOf(":") + 1), false)));
        row.append(place);
      }
      lay(player, stream);
    }
    row.hidden = players.size === 0;
  };

  const stops = [call.on("others", show), call.on("change", ({ state }) => (state === "ended" || state === "takeover") && show([]))];
  return () => {
    for (const stop of stops) stop();
    row.remove();
  };
}

function lay(player: HTMLVideoElement, stream: MediaStream): void {
  const shown = (player.srcObject as MediaStream | null)?.getTracks() ?? [];
  const tracks = stream.getTracks();
  if (shown.length === tracks.length && tracks.every((track) => shown.includes(track))) return;
  player.srcObject = stream;
  void player.play().catch(() => undefined);
}
