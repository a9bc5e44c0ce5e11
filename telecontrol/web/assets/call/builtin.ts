/** The built-in provider's client: one socket for orders, one numbered attempt at a time for the pictures. */
import { Attempt, wantsPicture, type AttemptHandlers, type Carrier, type Order } from "./attempt";
import { Link, type GetTicket, type Message } from "./link";
import { Judge, type Sample } from "./quality";
import {
  ABSENT,
  NO_MEDIA,
  type Adapter,
  type AdapterEvent,
  type Companion,
  type Media,
  type Peer,
  type PeerState,
  type Problem,
  type Role,
  type Statistics,
} from "./types";

/** Often until the first frame, then seldom. */
const FIRST_LOOK_MS = 250;
const NEXT_LOOK_MS = 1_000;
const POLL_MS = 10_000;
/** Why nobody can come in any more: the room is closed, or the appointment was given up or moved meanwhile. */
const OVER = new Set(["room_closed", "room_over", "not_joinable", "other_hour"]);
const FIRST_POLL_MS = 3_000;
const NO_STATISTICS: Statistics = { framesDecoded: 0, audioPackets: 0, audioEnergy: 0, packetsLost: 0, packetsReceived: 0, route: "" };

export interface BuiltinOptions {
  role: Role;
  getTicket: GetTicket;
  /** Whether this page is hidden: then it judges nothing. */
  isHidden: () => boolean;
}

export class Builtin implements Adapter {
  onEvent: (event: AdapterEvent) => void = () => undefined;
  private readonly page = crypto.randomUUID();
  private readonly link: Link;
  protected attempt: Carrier | null = null;
  private epoch = 0;
  private isLive = false;
  private isOpen = false;
  private isReady = false;
  private isLinked = false;
  private isAdmitted = false;
  protected local = new MediaStream();
  protected mine: Media = NO_MEDIA;
  private peer: Peer = ABSENT;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private polling: ReturnType<typeof setTimeout> | undefined;
  private readonly untold = new Set<Problem>();

  constructor(private readonly options: BuiltinOptions) {
    this.link = new Link(options.getTicket, {
      hello: () => ({ type: "join", page: this.page, epoch: this.epoch, live: this.isLive, ready: this.isReady, media: wire(this.mine) }),
      onMessage: (message) => this.hear(message),
      onUp: (isUp) => this.linked(isUp),
      onRefused: (reason) => this.refuse({ type: "refused", reason }),
    });
  }

  open(): void {
    this.isOpen = true;
    this.link.open();
    if (this.options.role === "insured") {
      this.pollAfter(FIRST_POLL_MS);
    }
  }

  ready(stream: MediaStream, media: Media): void {
    this.local = stream;
    this.mine = media;
    this.isReady = true;
    this.link.send({ type: "ready", media: wire(media) });
  }

  media(media: Media): void {
    this.mine = media;
    this.link.send({ type: "media", media: wire(media) });
    this.obey();
  }

  replace(kind: "audio" | "video", track: MediaStreamTrack | null): void {
    void this.attempt?.replace(kind, track);
  }

  chat(text: string): void {
    if (!this.link.send({ type: "chat", text })) this.onEvent({ type: "refused", reason: "chat_undelivered", text });
  }

  admit(): void {
    this.link.send({ type: "admit" });
  }

  later(minutes: number): void {
    this.link.send({ type: "later", minutes });
  }

  letIn(companion: string, isIn: boolean): void {
    this.link.send({ type: "companion", id: companion, is_in: isIn });
  }

  retry(): void {
    if (!this.link.send({ type: "restart" })) this.link.wake();
  }

  /** What failed before the socket was there is told once it is: cameras are often refused sooner. */
  problem(code: Problem): void {
    if (!this.link.send({ type: "problem", code })) this.untold.add(code);
  }

  hidden(isHidden: boolean): void {
    this.link.send({ type: "away", hidden: isHidden });
  }

  wake(): void {
    this.link.wake();
  }

  bye(forGood: boolean): void {
    this.link.send({ type: "bye", for_good: forGood });
    this.close();
  }

  finish(): void {
    if (this.link.send({ type: "finish" })) return;
    this.close();
    this.onEvent({ type: "ended", reason: "finished" });
  }

  close(): void {
    this.isOpen = false;
    clearTimeout(this.polling);
    this.link.close();
    this.dropAttempt();
    this.epoch = 0;
    this.isReady = false;
  }

  async statistics(): Promise<Statistics> {
    return this.attempt?.statistics() ?? NO_STATISTICS;
  }

  // What the server says.

  private hear(message: Message): void {
    switch (message.type) {
      case "welcome":
        this.isAdmitted = message.is_admitted === true;
        this.onEvent({ type: "welcome", isAdmitted: this.isAdmitted });
        this.seePeer(message.peer as Message);
        for (const code of this.untold) this.link.send({ type: "problem", code });
        this.untold.clear();
        break;
      case "waiting":
        this.onEvent({ type: "delay", minutes: Number(message.delay_minutes) });
        break;
      case "admitted":
        this.isAdmitted = true;
        this.onEvent({ type: "admitted" });
        break;
      case "peer":
        this.seePeer(message);
        break;
      case "peer_problem":
        this.onEvent({ type: "peer_problem", code: message.code as Problem });
        break;
      case "chat":
        this.onEvent({ type: "chat", text: String(message.text), mine: false });
        break;
      case "company":
        this.onEvent({ type: "company", people: message.people as Companion[] });
        break;
      case "start":
        void this.start(message);
        break;
      case "description":
        if (message.epoch === this.epoch) void this.attempt?.hear(message.description as RTCSessionDescriptionInit).then(() => this.obey());
        break;
      case "candidate":
        if (message.epoch === this.epoch) void this.attempt?.hearCandidate(message.candidate as RTCIceCandidateInit);
        break;
      case "ticket":
        this.link.renew(String(message.token));
        break;
      case "refused":
        this.refuse(message);
        break;
      case "takeover":
      case "ended":
      case "failed":
        this.end(message);
        break;
      default:
        // "resume" asks for nothing: the picture never stopped. What a newer server may add is left alone.
        break;
    }
  }

  private linked(isUp: boolean): void {
    this.isLinked = isUp;
    this.onEvent({ type: "link", up: isUp });
  }

  private seePeer(said: Message): void {
    this.peer = {
      state: said.state as PeerState,
      since: (said.since as string | null) ?? null,
      media: unwire(said.media),
      hasLeft: said.has_left === true,
      isReady: said.is_ready !== false,
    };
    if (this.peer.hasLeft) this.dropAttempt();
    this.onEvent({ type: "peer", peer: this.peer });
    this.obey();
  }

  /** A picture is sent when the other side wants one and this side has not switched it off: black costs them too. */
  private obey(): void {
    if (this.peer.state !== "absent") void this.attempt?.sendVideo(this.peer.media.wantsVideo && this.mine.video);
  }

  private refuse(message: Message): void {
    const reason = String(message.reason);
    if (reason === "ticket_invalid") {
      // Old, most likely: the next attempt asks for another.
      this.link.forgetTicket();
    } else if (reason === "not_yours" || reason === "nobody_waits" || reason === "unavailable" || reason.startsWith("chat_")) {
      this.onEvent({ type: "refused", reason, text: message.text as string | undefined });
    } else if (OVER.has(reason)) {
      this.close();
      this.onEvent({ type: "ended", reason });
    } else if (reason !== "bad_message" && reason !== "too_long" && reason !== "too_many_attempts") {
      this.close();
      this.onEvent({ type: "failed", reason, opensAt: message.opens_at as string | undefined });
    }
  }

  private end(message: Message): void {
    const reason = String(message.reason ?? "");
    if (message.type === "failed") {
      this.dropAttempt();
      this.onEvent({ type: "failed", reason });
      return;
    }
    this.close();
    this.onEvent(message.type === "takeover" ? { type: "takeover" } : { type: "ended", reason });
  }

  // Attempts.

  private async start(message: Message): Promise<void> {
    const order: Order = {
      epoch: Number(message.epoch),
      attempt: Number(message.attempt),
      isOfferer: message.is_offerer === true,
      icePolicy: message.ice_policy as RTCIceTransportPolicy,
      iceServers: message.ice_servers as RTCIceServer[],
      way: message.livekit,
    };
    const kept = this.attempt?.adopt?.(order) === true ? this.attempt : null;
    const first = kept === null ? null : sampleOf(await kept.statistics().catch(() => NO_STATISTICS));
    if (kept === null) this.dropAttempt();
    else this.lookAnew();
    this.epoch = order.epoch;
    this.peer = { ...this.peer, media: unwire(message.peer_media) };
    this.onEvent({ type: "negotiating", attempt: order.attempt });
    const attempt: Carrier =
      kept ??
      this.carry(order, {
        describe: (description) => this.link.send({ type: "description", epoch: order.epoch, description }),
        candidate: (candidate) => this.link.send({ type: "candidate", epoch: order.epoch, candidate }),
        onStream: (stream) => this.onEvent({ type: "stream", stream }),
        onTransport: (connected) => this.onEvent({ type: "transport", connected }),
        onTrouble: (reason) => this.stuck(attempt, reason),
      });
    this.attempt = attempt;
    this.look(attempt, new Judge(performance.now(), first));
    if (kept === null) await attempt.begin();
    else this.onEvent({ type: "transport", connected: true });
  }

  /** What carries this attempt's pictures: another provider has another. */
  protected carry(order: Order, handlers: AttemptHandlers): Carrier {
    return new Attempt(order, this.local, handlers);
  }

  private dropAttempt(): void {
    this.attempt?.close();
    this.attempt = null;
    this.lookAnew();
  }

  private lookAnew(): void {
    clearTimeout(this.looking);
    if (this.isLive) this.onEvent({ type: "quality", quality: "none" });
    this.isLive = false;
  }

  /** Look at the counters until the attempt is replaced, and say what is seen. */
  private look(attempt: Carrier, judge: Judge): void {
    this.looking = setTimeout(
      async () => {
        const found = await attempt.statistics().catch(() => NO_STATISTICS);
        if (attempt !== this.attempt) return;
        const verdict = judge.judge(
          sampleOf(found),
          {
            video: wantsPicture(this.mine, this.peer.media),
            audio: this.peer.media.audio,
            isSendingVideo: this.mine.video && this.peer.media.wantsVideo,
            isExcused: this.options.isHidden() || (this.peer.state === "away" && this.isLinked && this.isLive && attempt.isConnected),
            isConnected: attempt.isConnected,
          },
        );
        // An attempt that is given up is still looked at: the picture may come back before the next one begins.
        if (verdict === "dead") this.stuck(attempt, this.isLive ? "frozen" : "no_frames");
        else this.saw(verdict);
        this.look(attempt, verdict === "dead" ? new Judge(performance.now()) : judge);
      },
      this.isLive ? NEXT_LOOK_MS : FIRST_LOOK_MS,
    );
  }

  private saw(quality: "none" | "live" | "poor"): void {
    if (quality !== "none" && !this.isLive) {
      this.isLive = true;
      this.link.send({ type: "live", epoch: this.epoch });
    }
    this.onEvent({ type: "quality", quality });
  }

  private stuck(attempt: Carrier, reason: "no_frames" | "ice_failed" | "negotiation" | "frozen"): void {
    if (attempt !== this.attempt) return;
    this.isLive = false;
    this.onEvent({ type: "transport", connected: false });
    this.onEvent({ type: "quality", quality: "none" });
    this.link.send({ type: "stuck", epoch: this.epoch, reason });
  }

  // When the socket does not pass.

  private pollAfter(delay: number): void {
    clearTimeout(this.polling);
    if (!this.isOpen) return;
    this.polling = setTimeout(() => void this.poll().then(() => this.pollAfter(POLL_MS)), delay);
  }

  private async poll(): Promise<void> {
    if (this.isLinked || this.isLive) return;
    try {
      const ticket = await this.link.current();
      const address = ticket.url.replace(/^ws/, "http").replace(/\/socket$/, "/waiting");
      const answer = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ticket: ticket.token }),
      });
      if (!answer.ok) {
        // The one answer that no later poll can change: the room was closed, by whoever decided.
        const { code } = (await answer.json().catch(() => ({}))) as { code?: string };
        if (code !== undefined && OVER.has(code)) this.refuse({ type: "refused", reason: code });
        return;
      }
      const said = (await answer.json()) as { state: string; delay_minutes: number | null };
      this.onEvent({ type: "polled", isAdmitted: said.state === "admitted" });
      if (said.delay_minutes !== null) this.onEvent({ type: "delay", minutes: said.delay_minutes });
    } catch {
      // The network is away: the socket keeps trying, and so does the next poll.
    }
  }
}

function sampleOf(found: Statistics): Sample {
  const { framesDecoded: frames, audioPackets, packetsLost: lost, packetsReceived: received, outgoingBitrate: outgoing } = found;
  return { at: performance.now(), frames, audioPackets, lost, received, outgoing };
}

function wire(media: Media): Record<string, boolean | string> {
  return { audio: media.audio, video: media.video, wants_video: media.wantsVideo, showing: media.showing ?? "" };
}

function unwire(said: unknown): Media {
  const media = said as { audio: boolean; video: boolean; wants_video: boolean; showing?: Media["showing"] };
  return { audio: media.audio, video: media.video, wantsVideo: media.wants_video, showing: media.showing ?? "" };
}
