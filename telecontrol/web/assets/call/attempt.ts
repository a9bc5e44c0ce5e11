/**
 * One numbered attempt at a connection: one RTCPeerConnection, never reused.
 *
 * The doctor's side offers both tracks whether or not it has them; the other adds its own only after the offer. What
 * comes is attached as soon as it is announced (waiting for it to be unmuted loses the picture), and candidates wait for
 * the remote description.
 */
import type { Media, Statistics } from "./types";

export interface Order {
  epoch: number;
  attempt: number;
  isOfferer: boolean;
  icePolicy: RTCIceTransportPolicy;
  iceServers: RTCIceServer[];
  /** What another provider's client needs besides. */
  way?: unknown;
}

/** What carries pictures and sound during one attempt. */
export interface Carrier {
  begin(): Promise<void>;
  /** Whether this one, which stands, will do for a new order as well. */
  adopt?(order: Order): boolean;
  hear(description: RTCSessionDescriptionInit): Promise<void>;
  hearCandidate(candidate: RTCIceCandidateInit): Promise<void>;
  replace(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void>;
  sendVideo(isWanted: boolean): Promise<void>;
  readonly isConnected: boolean;
  statistics(): Promise<Statistics>;
  close(): void;
}

export interface AttemptHandlers {
  describe: (description: RTCSessionDescriptionInit) => void;
  candidate: (candidate: RTCIceCandidateInit) => void;
  onStream: (stream: MediaStream) => void;
  onTransport: (isConnected: boolean) => void;
  onTrouble: (reason: "ice_failed" | "negotiation") => void;
}

const KINDS = ["audio", "video"] as const;

export class Attempt implements Carrier {
  readonly connection: RTCPeerConnection;
  private readonly remote = new MediaStream();
  private readonly early: RTCIceCandidateInit[] = [];
  private isClosed = false;
  private isSendingVideo = true;

  constructor(
    readonly order: Order,
    private readonly local: MediaStream,
    private readonly handlers: AttemptHandlers,
  ) {
    this.connection = new RTCPeerConnection({
      iceServers: order.iceServers,
      iceTransportPolicy: order.icePolicy,
      bundlePolicy: "max-bundle",
    });
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null && !this.isClosed) this.handlers.candidate(candidate.toJSON());
    };
    this.connection.ontrack = ({ track }) => this.attach(track);
    this.connection.onconnectionstatechange = () => this.report();
  }

  async begin(): Promise<void> {
    if (!this.order.isOfferer) return;
    await this.guarded(async () => {
      for (const kind of KINDS) {
        this.connection.addTransceiver(this.track(kind) ?? kind, { direction: "sendrecv", streams: [this.local] });
      }
      await this.describeSelf();
    });
  }

  async hear(description: RTCSessionDescriptionInit): Promise<void> {
    await this.guarded(async () => {
      await this.connection.setRemoteDescription(description);
      if (description.type === "offer") {
        await this.addTracks();
        await this.describeSelf();
      }
      for (const candidate of this.early.splice(0)) await this.connection.addIceCandidate(candidate);
    });
  }

  async hearCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.connection.remoteDescription === null) {
      this.early.push(candidate);
      return;
    }
    // One candidate that cannot be used leaves the others.
    await this.connection.addIceCandidate(candidate).catch(() => undefined);
  }

  /** Another device, or none, on the same connection. */
  async replace(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    const sender = this.sender(kind);
    if (!this.isClosed && sender !== undefined) await sender.replaceTrack(track).catch(() => undefined);
  }

  /** Send no picture to somebody who does not want to see one: it costs them their allowance. */
  async sendVideo(isWanted: boolean): Promise<void> {
    const sender = this.sender("video");
    const parameters = sender?.getParameters();
    if (isWanted === this.isSendingVideo || sender === undefined || !parameters?.encodings?.length) return;
    this.isSendingVideo = isWanted;
    for (const encoding of parameters.encodings) encoding.active = isWanted;
    await sender.setParameters(parameters).catch(() => undefined);
  }

  get isConnected(): boolean {
    return this.connection.connectionState === "connected";
  }

  async statistics(): Promise<Statistics> {
    return summarise(await this.connection.getStats());
  }

  close(): void {
    this.isClosed = true;
    this.connection.onicecandidate = null;
    this.connection.ontrack = null;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  private async describeSelf(): Promise<void> {
    await this.connection.setLocalDescription();
    const description = this.connection.localDescription;
    if (description !== null && !this.isClosed) this.handlers.describe(description.toJSON());
  }

  private async addTracks(): Promise<void> {
    for (const transceiver of this.connection.getTransceivers()) {
      const kind = transceiver.receiver.track.kind as "audio" | "video";
      transceiver.direction = "sendrecv";
      transceiver.sender.setStreams?.(this.local);
      await transceiver.sender.replaceTrack(this.track(kind));
    }
  }

  private attach(track: MediaStreamTrack): void {
    this.remote.addTrack(track);
    this.handlers.onStream(this.remote);
  }

  private report(): void {
    const state = this.connection.connectionState;
    if (state === "connected") this.handlers.onTransport(true);
    if (state === "disconnected") this.handlers.onTransport(false);
    if (state === "failed") this.handlers.onTrouble("ice_failed");
  }

  private track(kind: "audio" | "video"): MediaStreamTrack | null {
    return this.local.getTracks().find((track) => track.kind === kind && track.readyState === "live") ?? null;
  }

  private sender(kind: "audio" | "video"): RTCRtpSender | undefined {
    return this.connection.getTransceivers().find((transceiver) => transceiver.receiver.track.kind === kind)?.sender;
  }

  private async guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch {
      // A connection that was closed meanwhile throws too: that is no trouble.
      if (!this.isClosed) this.handlers.onTrouble("negotiation");
    }
  }
}

export const wantsPicture = (mine: Media, theirs: Media): boolean => mine.wantsVideo && theirs.video;

export function summarise(report: RTCStatsReport): Statistics {
  const found: Statistics = { framesDecoded: 0, audioPackets: 0, audioEnergy: 0, packetsLost: 0, packetsReceived: 0, route: "" };
  report.forEach((entry: Record<string, unknown>) => {
    const number = (name: string) => (typeof entry[name] === "number" ? (entry[name] as number) : 0);
    if (entry.type === "inbound-rtp") {
      found.packetsLost += number("packetsLost");
      found.packetsReceived += number("packetsReceived");
      if (entry.kind === "video") found.framesDecoded += number("framesDecoded");
      if (entry.kind === "audio") {
        found.audioPackets += number("packetsReceived");
        found.audioEnergy += number("totalAudioEnergy");
      }
    }
    if (entry.type === "candidate-pair" && entry.nominated === true && number("availableOutgoingBitrate") > 0) {
      found.outgoingBitrate = number("availableOutgoingBitrate");
    }
    if (entry.type === "transport" && typeof entry.selectedCandidatePairId === "string") {
      found.route = routeOf(report, entry.selectedCandidatePairId);
    }
  });
  return found;
}

function routeOf(report: RTCStatsReport, pairId: string): string {
  const pair = report.get(pairId) as Record<string, unknown> | undefined;
  const local = report.get(String(pair?.localCandidateId ?? "")) as Record<string, unknown> | undefined;
  return String(local?.candidateType ?? "");
}
