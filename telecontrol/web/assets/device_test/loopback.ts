/** Two peer connections of one page that call each other: picture, sound and a word pass from the one to the other, or not. */

export interface Loop {
  /** A word came back, and what the devices gave arrived. */
  isThrough: boolean;
  /** A STUN or TURN server answered over UDP: something leaves this network and comes back. */
  wasAnswered: boolean;
  /** `host`, `srflx`, `prflx` or `relay`: this side of the pair that carried it; empty when none did. */
  kind: string;
  /** How this page reaches the relay: `udp`, `tcp` or `tls`; empty without one. */
  relayProtocol: string;
}

const LONGEST_MS = 9_000;
const LOOK_MS = 150;

export async function loopback(configuration: RTCConfiguration, stream: MediaStream, longestMs = LONGEST_MS): Promise<Loop> {
  const end = performance.now() + longestMs;
  let pair: Pair;
  try {
    pair = new Pair(configuration, stream);
  } catch {
    // A browser, or a guard in it, that refuses such connections.
    return { isThrough: false, wasAnswered: false, kind: "", relayProtocol: "" };
  }
  try {
    await pair.connect();
    while (performance.now() < end && !(await pair.isSettled())) await pause(LOOK_MS);
    return await pair.result();
  } catch {
    return { isThrough: false, wasAnswered: pair.wasAnswered, kind: "", relayProtocol: "" };
  } finally {
    pair.close();
  }
}

class Pair {
  private readonly caller: RTCPeerConnection;
  private readonly callee: RTCPeerConnection;
  private readonly channel: RTCDataChannel;
  private readonly kinds: Set<string>;
  private readonly needsAnswer: boolean;
  private hasEcho = false;
  private hasFailure = false;
  private isReflected = false;
  private tracks: MediaStreamTrack[] = [];

  constructor(configuration: RTCConfiguration, stream: MediaStream) {
    this.caller = new RTCPeerConnection(configuration);
    this.callee = new RTCPeerConnection(configuration);
    this.channel = this.caller.createDataChannel("test");
    this.channel.onopen = () => this.channel.send("?");
    this.channel.onmessage = () => (this.hasEcho = true);
    this.callee.ondatachannel = ({ channel }) => (channel.onmessage = () => channel.send("!"));
    this.tracks = stream.getTracks().filter((track) => track.readyState === "live");
    for (const track of this.tracks) this.caller.addTrack(track, stream);
    this.kinds = new Set(this.tracks.map((track) => track.kind));
    this.needsAnswer = (configuration.iceServers ?? []).length > 0 && configuration.iceTransportPolicy !== "relay";
    this.caller.addEventListener("icecandidateerror", () => (this.hasFailure = true));
  }

  async connect(): Promise<void> {
    const late: [RTCPeerConnection, RTCIceCandidate][] = [];
    let isDescribed = false;
    const carry = (from: RTCPeerConnection, to: RTCPeerConnection): void => {
      from.onicecandidate = ({ candidate }) => {
        if (candidate === null) return;
        if (from === this.caller && candidate.type === "srflx") this.isReflected = true;
        if (isDescribed) void to.addIceCandidate(candidate).catch(() => undefined);
        else late.push([to, candidate]);
      };
    };
    carry(this.caller, this.callee);
    carry(this.callee, this.caller);
    await this.caller.setLocalDescription(await this.caller.createOffer());
    await this.callee.setRemoteDescription(this.caller.localDescription as RTCSessionDescription);
    await this.callee.setLocalDescription(await this.callee.createAnswer());
    await this.caller.setRemoteDescription(this.callee.localDescription as RTCSessionDescription);
    isDescribed = true;
    for (const [to, candidate] of late) void to.addIceCandidate(candidate).catch(() => undefined);
  }

  /** Answered by a server: an address was reflected, or every server was asked and none failed to answer. */
  get wasAnswered(): boolean {
    return this.isReflected || (this.caller.iceGatheringState === "complete" && !this.hasFailure);
  }

  async isSettled(): Promise<boolean> {
    const isAsked = !this.needsAnswer || this.isReflected || this.caller.iceGatheringState === "complete";
    return isAsked && (await this.isThrough());
  }

  async result(): Promise<Loop> {
    const { kind, relayProtocol } = await this.way();
    return { isThrough: await this.isThrough(), wasAnswered: this.wasAnswered, kind, relayProtocol };
  }

  close(): void {
    this.caller.close();
    this.callee.close();
  }

  private async isThrough(): Promise<boolean> {
    if (!this.hasEcho) return false;
    const arrived = new Set<string>();
    (await this.callee.getStats()).forEach((each: { type: string; kind?: string; packetsReceived?: number }) => {
      if (each.type === "inbound-rtp" && (each.packetsReceived ?? 0) > 0 && each.kind) arrived.add(each.kind);
    });
    return [...this.kinds].every((kind) => arrived.has(kind));
  }

  private async way(): Promise<{ kind: string; relayProtocol: string }> {
    const stats = await this.caller.getStats();
    const all = new Map<string, Record<string, unknown>>();
    stats.forEach((each: Record<string, unknown> & { id: string }) => all.set(each.id, each));
    for (const each of all.values()) {
      if (each.type !== "candidate-pair" || each.state !== "succeeded" || each.nominated !== true) continue;
      const local = all.get(String(each.localCandidateId));
      return { kind: String(local?.candidateType ?? ""), relayProtocol: String(local?.relayProtocol ?? "") };
    }
    return { kind: "", relayProtocol: "" };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
