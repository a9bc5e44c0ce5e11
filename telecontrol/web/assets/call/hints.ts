/** Beside the picture: what the other side has switched off or cannot do, what is wrong here, what was done by itself. */
import { element, setText } from "./elements";
import type { Notice } from "./notices";
import type { Texts } from "./texts";
import type { Media, Peer } from "./types";

/** Cards with words and buttons, each in a place of its own so that nothing jumps and nothing is said twice. */
export class Hints {
  readonly root = element("ul", "call__hints", { "aria-live": "polite" });
  private readonly peer = element("li", "call__hint", { hidden: true });
  private readonly cards = new Map<string, HTMLElement>();

  constructor(names: readonly string[]) {
    this.root.append(this.peer);
    for (const name of names) {
      const card = element("li", `call__hint call__hint--card call__hint--${name}`, { hidden: true });
      this.cards.set(name, card);
      this.root.append(card);
    }
  }

  say(text: string): void {
    setText(this.peer, text);
    this.peer.hidden = text === "";
  }

  /** Null takes the card away; the same words again leave it untouched, focus included. */
  card(name: string, notice: Notice | null, words: (notice: Notice) => Node[]): void {
    const card = this.cards.get(name) as HTMLElement;
    const key = notice === null ? "" : JSON.stringify([notice.title, notice.text, notice.acts]);
    if (card.dataset.key !== key) {
      card.dataset.key = key;
      card.replaceChildren(...(notice === null ? [] : words(notice)));
    }
    card.hidden = notice === null;
  }
}

/** What can be said of the other side while their picture is on. Pure. */
export function ofPeer(peer: Peer, mine: Media, texts: Texts): string[] {
  const { media } = peer;
  const said: string[] = [];
  if (media.showing) said.push(media.showing === "screen" ? texts.show.peerScreen : texts.show.peerDocument);
  if (!media.video && !media.wantsVideo && mine.wantsVideo) said.push(texts.peerSoundOnly);
  else if (!media.video) said.push(texts.peerCameraOff);
  if (!media.audio) said.push(texts.peerMicrophoneOff);
  return said;
}
