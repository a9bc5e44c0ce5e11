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
  Room,
  RoomEvent,
  Track,
  VideoPresets,
  type LocalTrackPublication,
  type Participant,
  type RemoteTrack,
  type RemoteTrackPublication,
  type RoomOptions,
} from "livekit-client";
import { summarise, type AttemptHandlers, type Carrier, type Order } from "./attempt";
import type { Media, Other, Statistics } from "./types";

/** What the server hands over with the order to start. */
export interface Way {
  url: string;
  token: string;
  /** The key of a call that is encrypted from browser to browser. */
  key?: string;
}

export interface RoomHandlers extends AttemptHandlers {
  onOthers: (others: Other[]) => void;
  onText: (text: string) => void;
}

/** As long as the watchdog waits for a picture. */
const CONNECT_MS = 8_000;
/** Delays of the package's own attempts to mend a connection, in ms: within the same 8 s. */
const MENDING = [0, 300, 1_000, 2_000, 3_000];
const SOURCES = { audio: Track.Source.Microphone, video: Track.Source.Camera } as const;
const CHAT = "chat";
/** Somebody else took the place, or the call is over: our own socket says which, and it is no trouble of the network. */
const QUIET = new Set([DisconnectReason.CLIENT_INITIATED, DisconnectReason.DUPLICATE_IDENTITY]);

export class LivekitAttempt implements Carrier {
  private readonly room: Room;
  private peer = new MediaStream();
  private readonly published: Partial<Record<"audio" | "video", LocalTrackPublication>> = {};
  private readonly worker: Worker | null;
  private readonly keys = new ExternalE2EEKeyProvider();
  private isClosed = false;
  private wantsVideo = true;

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
      await Promise.all((["audio", "video"] as const).map((kind) => this.replace(kind, this.track(kind))));
    } catch {
      if (!this.isClosed) this.handlers.onTrouble("negotiation");
    }
  }

  /** The other side begins anew and this one stands: it has nothing to do but wait for their picture. */
  adopt(order: Order): boolean {
    if (this.isClosed || order.attempt > 0 || !this.isConnected || order.icePolicy !== this.order.icePolicy) return false;
    this.handlers.onTransport(true);
    return true;
  }

  async hear(): Promise<void> {
    // Descriptions and candidates pass through LiveKit's own socket.
  }

  async hearCandidate(): Promise<void> {
    // As above.
  }

  async replace(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    const present = this.published[kind];
    if (this.isClosed || !this.isConnected) return;
    try {
      if (track === null) {
        if (present?.track) await this.room.localParticipant.unpublishTrack(present.track, false);
        delete this.published[kind];
      } else if (present?.track) {
        await present.track.replaceTrack(track, true);
      } else {
        this.published[kind] = await this.room.localParticipant.publishTrack(track, { source: SOURCES[kind] });
      }
    } catch {
      if (!this.isClosed && present === undefined) this.handlers.onTrouble("negotiation");
    }
  }

  /** Whoever does not want a picture asks LiveKit for none (`wantVideo`); others may still want it. */
  async sendVideo(): Promise<void> {
    // Nothing to do on this side.
  }

  wantVideo(media: Media): void {
    this.wantsVideo = media.wantsVideo;
    for (const participant of this.room.remoteParticipants.values()) {
      for (const publication of participant.videoTrackPublications.values()) {
        (publication as RemoteTrackPublication).setEnabled(media.wantsVideo);
      }
    }
  }

  /** Words for whoever is in the call, kept nowhere. False when nobody is there to read them. */
  say(text: string): boolean {
    if (!this.isConnected || this.room.remoteParticipants.size === 0) return false;
    const bytes = new TextEncoder().encode(text);
    void this.room.localParticipant.publishData(bytes, { reliable: true, topic: CHAT }).catch(() => undefined);
    return true;
  }

  get isConnected(): boolean {
    return this.room.state === "connected";
  }

  /** Of the other of the two: a companion's picture says nothing of whether those two see each other. */
  async statistics(): Promise<Statistics> {
    const reports = await Promise.all(this.peerTracks().map((track) => track.getRTCStatsReport()));
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
      outgoingBitrate: found.find((each) => each.outgoingBitrate !== undefined)?.outgoingBitrate,
    };
  }

  close(): void {
    this.isClosed = true;
    this.room.removeAllListeners();
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
      .on(RoomEvent.DataReceived, (payload, _participant, _kind, topic) => {
        if (topic === CHAT) this.handlers.onText(new TextDecoder().decode(payload));
      });
  }

  private attach(track: RemoteTrack, publication: RemoteTrackPublication): void {
    if (track.kind === Track.Kind.Video && !this.wantsVideo) publication.setEnabled(false);
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
    this.handlers.onOthers(others.map((each) => ({ id: each.identity, stream: new MediaStream(tracksOf(each).map((track) => track.mediaStreamTrack)) })));
  }

  private peerTracks(): RemoteTrack[] {
    return [...this.room.remoteParticipants.values()].filter((each) => this.isPeer(each)).flatMap(tracksOf);
  }

  /** The insured for the doctor, the doctor for everybody else: the one whom the page shows large. */
  private isPeer(participant: Participant): boolean {
    const wanted = this.room.localParticipant.identity.startsWith("doctor:") ? "insured:" : "doctor:";
    return participant.identity.startsWith(wanted);
  }

  private track(kind: "audio" | "video"): MediaStreamTrack | null {
    return this.local.getTracks().find((track) => track.kind === kind && track.readyState === "live") ?? null;
  }
}

function tracksOf(participant: Participant): RemoteTrack[] {
  return [...participant.trackPublications.values()].flatMap((publication) => (publication.track ? [publication.track as RemoteTrack] : []));
}
