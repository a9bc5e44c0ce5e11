/**
 * One numbered attempt through LiveKit: one room of its client, connected once. The only file that knows LiveKit's package, and
 * so the one that is fetched when a LiveKit call begins and never before.
 *
 * The package mends small breaks by itself. What it does not mend within our own patience ends the attempt: the next one begins
 * with a fresh ticket, and the last one goes by the relay alone.
 */
import {
  DisconnectReason,
  ExternalE2EEKeyProvider,
  LocalAudioTrack,
  LocalVideoTrack,
  Room,
  RoomEvent,
  RpcError,
  Track,
  TrackEvent,
  VideoPresets,
  type LocalTrackPublication,
  type Participant,
  type RemoteTrack,
  type RemoteTrackPublication,
  type RoomOptions,
} from "livekit-client";
import { summarise, type AttemptHandlers, type Carrier, type Order } from "./attempt";
import { Bucket } from "./bucket";
import { LONGEST_CHAT, NO_MEDIA, type Media, type Other, type Statistics, type Who } from "./types";

/** What the server hands over with the order to start. */
export interface Way {
  url: string;
  token: string;
  /** The key of a call that is encrypted from browser to browser. */
  key?: string;
}

export interface RoomHandlers extends AttemptHandlers {
  onOthers: (others: Other[]) => void;
  onText: (text: string, from: Who) => void;
}

/** As long as the watchdog waits for a picture. */
const CONNECT_MS = 8_000;
/** Delays of the package's own attempts to mend a connection, in ms: within the same 8 s. */
const MENDING = [0, 300, 1_000, 2_000, 3_000];
const SOURCES = { audio: Track.Source.Microphone, video: Track.Source.Camera } as const;
const KINDS = ["audio", "video"] as const;
/** A written line, which the page that receives it answers. */
const CHAT = "chat";
/** How long an answer is awaited, in ms: the shortest that the package takes. */
const ANSWER_MS = 8_000;
/** Why a line was not taken, by the numbers that are ours to give. */
const TOO_FAST = 1;
const TOO_LONG = 2;
/** Somebody else took the place, or the call is over: our own socket says which, and it is no trouble of the network. */
const QUIET = new Set([DisconnectReason.CLIENT_INITIATED, DisconnectReason.DUPLICATE_IDENTITY]);

type Kind = (typeof KINDS)[number];

export class LivekitAttempt implements Carrier {
  private readonly room: Room;
  private peer = new MediaStream();
  private readonly worker: Worker | null;
  private readonly keys = new ExternalE2EEKeyProvider();
  private readonly buckets = new Map<string, Bucket>();
  /** One change at a time of what is sent of a kind. */
  private readonly turns: Record<Kind, Promise<void>> = { audio: Promise.resolve(), video: Promise.resolve() };
  private isClosed = false;
  private mine = NO_MEDIA;

  constructor(
    readonly order: Order,
    private readonly way: Way,
    private readonly local: MediaStream,
    private readonly handlers: RoomHandlers,
    makeWorker: () => Worker,
  ) {
    this.worker = way.key === undefined ? null : makeWorker();
    this.room = new Room(this.options());
    this.listen();
  }

  async begin(): Promise<void> {
    const { icePolicy, iceServers } = this.order;
    const rtcConfig: RTCConfiguration = { iceTransportPolicy: icePolicy };
    // Without a relay of our own, LiveKit's server names its own.
    if (iceServers.length > 0) rtcConfig.iceServers = iceServers;
    try {
      if (this.way.key !== undefined) {
        await this.keys.setKey(this.way.key);
        await this.room.setE2EEEnabled(true);
      }
      await this.room.connect(this.way.url, this.way.token, {
        rtcConfig,
        maxRetries: 0,
        peerConnectionTimeout: CONNECT_MS,
        websocketTimeout: CONNECT_MS,
      });
      if (this.isClosed) return;
      this.handlers.onTransport(true);
      await Promise.all(KINDS.map((kind) => this.replace(kind, this.track(kind))));
    } catch {
      if (!this.isClosed) this.handlers.onTrouble("negotiation");
    }
  }

  /** The other side begins anew and this one stands: it has nothing to do but wait for their picture. */
  adopt(order: Order): boolean {
    if (this.isClosed || order.attempt > 0 || !this.isConnected) return false;
    this.handlers.onTransport(true);
    return true;
  }

  async hear(): Promise<void> {
    // Descriptions and candidates pass through LiveKit's own socket.
  }

  async hearCandidate(): Promise<void> {
    // As above.
  }

  replace(kind: Kind, track: MediaStreamTrack | null): Promise<void> {
    return this.inTurn(kind, () => this.lay(kind, track));
  }

  /** Whoever does not want a picture asks LiveKit for none (`media`); others may still want it. */
  async sendVideo(): Promise<void> {
    // Nothing to do on this side.
  }

  /** What is sent from here, and whether pictures are wanted. */
  media(media: Media): void {
    this.mine = media;
    for (const participant of this.room.remoteParticipants.values()) {
      for (const publication of participant.videoTrackPublications.values()) {
        (publication as RemoteTrackPublication).setEnabled(media.wantsVideo);
      }
    }
    for (const kind of KINDS) void this.inTurn(kind, () => this.settle(kind));
  }

  /**
   * Words for whoever is in the call, kept nowhere. Null once the other of the two has them, for their page answers: LiveKit
   * still counts somebody in whose page is gone. Else why not, as our own server would say it.
   */
  async say(text: string): Promise<string | null> {
    const people = [...this.room.remoteParticipants.values()];
    const peer = people.find((each) => this.isPeer(each));
    if (!this.isConnected || peer === undefined) return "chat_undelivered";
    for (const each of people) if (each !== peer) void this.pass(each, text);
    return this.pass(peer, text);
  }

  get isConnected(): boolean {
    return this.room.state === "connected";
  }

  /** Of the other of the two: a companion's picture says nothing of whether those two see each other. */
  async statistics(): Promise<Statistics> {
    const [own, ...reports] = await Promise.all([this.sent("audio") ?? this.sent("video"), ...this.peerTracks()].map((track) => track?.getRTCStatsReport()));
    const found = reports.filter((report) => report !== undefined).map(summarise);
    const sum = (name: "framesDecoded" | "audioPackets" | "audioEnergy" | "packetsLost" | "packetsReceived") =>
      found.reduce((total, each) => total + each[name], 0);
    return {
      framesDecoded: sum("framesDecoded"),
      audioPackets: sum("audioPackets"),
      audioEnergy: sum("audioEnergy"),
      packetsLost: sum("packetsLost"),
      packetsReceived: sum("packetsReceived"),
      route: found.find((each) => each.route !== "")?.route ?? "",
      // What the network takes from here is known where something is sent.
      outgoingBitrate: own === undefined ? undefined : summarise(own).outgoingBitrate,
    };
  }

  close(): void {
    this.isClosed = true;
    this.room.removeAllListeners();
    this.handlers.onOthers([]);
    // Camera and microphone are the page's: they stay on for the next attempt.
    void this.room.disconnect(false).catch(() => undefined);
    this.worker?.terminate();
  }

  private options(): RoomOptions {
    return {
      // Pictures are laid by the page itself, not by the package's elements.
      adaptiveStream: false,
      dynacast: true,
      stopLocalTrackOnUnpublish: false,
      // The page says goodbye itself, and keeps its seat through a reload.
      disconnectOnPageLeave: true,
      publishDefaults: {
        // Every browser that can hold a call knows it; Safari has trouble with the others.
        videoCodec: "vp8",
        backupCodec: false,
        simulcast: true,
        videoSimulcastLayers: [VideoPresets.h360],
      },
      reconnectPolicy: { nextRetryDelayInMs: ({ retryCount }) => MENDING[retryCount] ?? null },
      ...(this.worker === null ? {} : { encryption: { keyProvider: this.keys, worker: this.worker } }),
    };
  }

  private listen(): void {
    this.room.registerRpcMethod(CHAT, async ({ callerIdentity, payload }) => this.hearLine(callerIdentity, payload));
    this.room
      .on(RoomEvent.TrackSubscribed, (track, publication) => this.attach(track, publication))
      .on(RoomEvent.TrackUnsubscribed, () => this.show())
      .on(RoomEvent.ParticipantConnected, () => this.tellOthers())
      .on(RoomEvent.ParticipantDisconnected, () => this.tellOthers())
      .on(RoomEvent.Reconnecting, () => this.handlers.onTransport(false))
      .on(RoomEvent.Reconnected, () => this.handlers.onTransport(true))
      .on(RoomEvent.Disconnected, (reason) => {
        if (!this.isClosed && (reason === undefined || !QUIET.has(reason))) this.handlers.onTrouble("ice_failed");
      })
      // A device that is gone is the page's business: the package would mute what takes its place.
      .on(RoomEvent.LocalTrackPublished, ({ track }) => track?.removeAllListeners(TrackEvent.Ended));
  }

  // What is sent.

  private inTurn(kind: Kind, act: () => Promise<void>): Promise<void> {
    const turn = this.turns[kind].then(act);
    this.turns[kind] = turn.catch(() => undefined);
    return turn.catch(() => undefined);
  }

  private async lay(kind: Kind, track: MediaStreamTrack | null): Promise<void> {
    const present = this.sent(kind);
    if (this.isClosed || !this.isConnected) return;
    const { localParticipant } = this.room;
    try {
      if (track === null) {
        if (present !== undefined) await localParticipant.unpublishTrack(present, false);
      } else if (present !== undefined) {
        await present.replaceTrack(track, true);
      } else {
        const made = kind === "audio" ? new LocalAudioTrack(track, undefined, true) : new LocalVideoTrack(track, undefined, true);
        // The package switches on what it is given: what is off here must be so before anything is sent.
        if (!this.mine[kind]) await made.mute();
        await localParticipant.publishTrack(made, { source: SOURCES[kind] });
      }
      await this.settle(kind);
    } catch {
      if (!this.isClosed && present === undefined) this.handlers.onTrouble("negotiation");
    }
  }

  /** What is switched off is so for LiveKit too, and a picture that is off takes nothing of the network. */
  private async settle(kind: Kind): Promise<void> {
    const track = this.sent(kind);
    if (track === undefined || this.isClosed) return;
    if (this.mine[kind]) {
      await track.unmute();
      await track.resumeUpstream();
    } else {
      await track.mute();
      if (kind === "video") await track.pauseUpstream();
    }
  }

  private sent(kind: Kind): LocalTrackPublication["track"] {
    return (this.room.localParticipant.getTrackPublication(SOURCES[kind]) as LocalTrackPublication | undefined)?.track;
  }

  // What is written.

  private async pass({ identity }: Participant, text: string): Promise<string | null> {
    try {
      await this.room.localParticipant.performRpc({ destinationIdentity: identity, method: CHAT, payload: text, responseTimeout: ANSWER_MS });
      return null;
    } catch (error) {
      return error instanceof RpcError && error.code === TOO_FAST ? "chat_too_fast" : "chat_undelivered";
    }
  }

  /** The same limits as our own server has where it passes lines on. */
  private hearLine(identity: string, text: string): string {
    const bucket = this.buckets.get(identity) ?? new Bucket();
    this.buckets.set(identity, bucket);
    if (!bucket.take(performance.now())) throw new RpcError(TOO_FAST, "too fast");
    if (text.length > LONGEST_CHAT) throw new RpcError(TOO_LONG, "too long");
    this.handlers.onText(text, whoIs(identity));
    return "";
  }

  // What comes.

  private attach(track: RemoteTrack, publication: RemoteTrackPublication): void {
    if (track.kind === Track.Kind.Video && !this.mine.wantsVideo) publication.setEnabled(false);
    this.show();
  }

  /** Lay the newest tracks of the other one where the page shows them, and companions beside. */
  private show(): void {
    const wanted = this.peerTracks().map((track) => track.mediaStreamTrack);
    const shown = this.peer.getTracks();
    if (wanted.length !== shown.length || wanted.some((track) => !shown.includes(track))) {
      // Players take up a picture that is added to their stream, but not a sound that takes the place of another.
      this.peer = new MediaStream(wanted);
      if (wanted.length > 0) this.handlers.onStream(this.peer);
    }
    this.tellOthers();
  }

  private tellOthers(): void {
    const others = [...this.room.remoteParticipants.values()].filter((each) => !this.isPeer(each));
    this.handlers.onOthers(others.map((each) => ({ id: each.identity, who: whoIs(each.identity), stream: new MediaStream(tracksOf(each).map((track) => track.mediaStreamTrack)) })));
  }

  private peerTracks(): RemoteTrack[] {
    return [...this.room.remoteParticipants.values()].filter((each) => this.isPeer(each)).flatMap(tracksOf);
  }

  /** The insured for the doctor, the doctor for everybody else: the one whom the page shows large. */
  private isPeer(participant: Participant): boolean {
    return whoIs(participant.identity) === (whoIs(this.room.localParticipant.identity) === "doctor" ? "insured" : "doctor");
  }

  private track(kind: Kind): MediaStreamTrack | null {
    return this.local.getTracks().find((track) => track.kind === kind && track.readyState === "live") ?? null;
  }
}

/** An identity begins with the part that its bearer has in the call. */
function whoIs(identity: string): Who {
  const word = identity.slice(0, identity.indexOf(":"));
  return word === "doctor" || word === "insured" ? word : "companion";
}

function tracksOf(participant: Participant): RemoteTrack[] {
  return [...participant.trackPublications.values()].flatMap((publication) => (publication.track ? [publication.track as RemoteTrack] : []));
}
