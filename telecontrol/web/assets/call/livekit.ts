/**
 * The LiveKit provider's client: the same socket, orders and judgement as the built-in one, another way for the pictures.
 *
 * LiveKit's package is fetched while one waits, never with the page.
 */
import type { AttemptHandlers, Carrier, Order } from "./attempt";
import { Builtin } from "./builtin";
import type { LivekitAttempt, Way } from "./livekit_room";
import type { Media, Other, Statistics, Who } from "./types";

declare const CALL_WORKER: string | undefined;

const NOTHING_YET: Statistics = { framesDecoded: 0, audioPackets: 0, audioEnergy: 0, packetsLost: 0, packetsReceived: 0, route: "" };

/** The answer to a written line when there is no way yet to anybody. */
const NOBODY: Promise<string | null> = Promise.resolve("chat_undelivered");

export class Livekit extends Builtin {
  override ready(stream: MediaStream, media: Media): void {
    // A failure here shows when the call begins, where it is tried again.
    void fetchRoom().catch(() => undefined);
    super.ready(stream, media);
  }

  override media(media: Media): void {
    super.media(media);
    this.carrier?.media(media);
  }

  override chat(text: string): void {
    void (this.carrier?.say(text) ?? NOBODY).then((reason) => {
      if (reason !== null) this.onEvent({ type: "refused", reason, text });
    });
  }

  protected override carry(order: Order, handlers: AttemptHandlers): Carrier {
    return new Fetched(async () => {
      const { LivekitAttempt: Attempt } = await fetchRoom();
      const more = {
        onOthers: (others: Other[]) => this.onEvent({ type: "others", others }),
        onText: (text: string, from: Who) => this.onEvent({ type: "chat", text, mine: false, from }),
      };
      const made = new Attempt(order, order.way as Way, this.local, { ...handlers, ...more }, makeWorker);
      made.media(this.mine);
      return made;
    }, handlers);
  }

  private get carrier(): Fetched | null {
    return this.attempt as Fetched | null;
  }
}

/** An attempt whose code is perhaps still on its way. */
class Fetched implements Carrier {
  private made: LivekitAttempt | null = null;
  private isClosed = false;

  constructor(
    private readonly make: () => Promise<LivekitAttempt>,
    private readonly handlers: AttemptHandlers,
  ) {}

  async begin(): Promise<void> {
    try {
      const made = await this.make();
      if (this.isClosed) made.close();
      else this.made = made;
    } catch {
      if (!this.isClosed) this.handlers.onTrouble("negotiation");
    }
    await this.made?.begin();
  }

  adopt(order: Order): boolean {
    return this.made?.adopt(order) ?? false;
  }

  async hear(): Promise<void> {
    // LiveKit has a socket of its own for this.
  }

  async hearCandidate(): Promise<void> {
    // As above.
  }

  async replace(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    await this.made?.replace(kind, track);
  }

  async sendVideo(): Promise<void> {
    // Whoever wants no picture asks LiveKit for none.
  }

  media(media: Media): void {
    this.made?.media(media);
  }

  say(text: string): Promise<string | null> {
    return this.made?.say(text) ?? NOBODY;
  }

  get isConnected(): boolean {
    return this.made?.isConnected ?? false;
  }

  async statistics(): Promise<Statistics> {
    return (await this.made?.statistics()) ?? NOTHING_YET;
  }

  close(): void {
    this.isClosed = true;
    this.made?.close();
  }
}

const fetchRoom = () => import("./livekit_room");

/** Encrypts and decrypts frames aside. Its file lies beside this one, on our own origin. */
function makeWorker(): Worker {
  return new Worker(new URL(CALL_WORKER ?? "", import.meta.url), { type: "module" });
}
