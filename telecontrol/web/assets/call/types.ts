/** What the parts of the call say to each other, whoever carries the pictures. */

export type Role = "doctor" | "insured";
/** Whoever may be heard or read in a call. */
export type Who = Role | "companion";

/** Where a call stands. The same words for every provider. */
export type CallState =
  | "idle"
  /** Arrived; camera and microphone are being chosen, and nobody is told to negotiate yet. */
  | "devices"
  | "connecting"
  | "waiting"
  | "admitted"
  | "connected"
  | "live"
  | "poor"
  | "reconnecting"
  | "takeover"
  | "ended"
  | "failed";

/** What stands in the place of the face: a document held up to the camera, or the screen. */
export type Showing = "" | "document" | "screen";

/** What a page sends, and whether it wants to see the other (sound only: it does not). */
export interface Media {
  audio: boolean;
  video: boolean;
  wantsVideo: boolean;
  showing?: Showing;
}

export type PeerState = "absent" | "waiting" | "here" | "away";

export interface Peer {
  state: PeerState;
  /** ISO instant of arrival. */
  since: string | null;
  media: Media;
  hasLeft: boolean;
  /** Camera and microphone are settled on their side, with or without them; unknown counts as settled. */
  isReady?: boolean;
}

/** What the page's own server answers when asked for a ticket. */
export interface Ticket {
  provider: string;
  room_id: string;
  role: Role;
  token: string;
  url: string;
  expires_at: string;
  ice_servers: RTCIceServer[];
}

/** Why camera or microphone are not to be had, or what else is wrong on this side. The server knows the same list. */
export type Problem =
  | "refused_by_browser"
  | "refused_by_system"
  | "device_busy"
  | "no_device"
  | "no_camera"
  | "no_microphone"
  | "insecure_context"
  | "in_app_browser"
  | "unsupported"
  | "microphone_silent"
  | "sound_blocked"
  | "no_media"
  | "other";

export type Quality = "none" | "live" | "poor";

export interface Statistics {
  framesDecoded: number;
  audioPackets: number;
  /** Of what was heard, since the beginning of the attempt: above 0 there was sound. */
  audioEnergy: number;
  packetsLost: number;
  packetsReceived: number;
  /** Bits per second that the network is thought to take from here; unknown where the browser does not say. */
  outgoingBitrate?: number;
  /** "relay" when the picture goes by the relay. */
  route: string;
}

/** Somebody in the call beside the two who hold it. */
export interface Other {
  id: string;
  who: Who;
  stream: MediaStream;
}

/** Somebody who comes with the insured, as the doctor is told. */
export interface Companion {
  id: string;
  name: string;
  state: "waiting" | "in" | "out";
}

export type AdapterEvent =
  | { type: "link"; up: boolean }
  | { type: "welcome"; isAdmitted: boolean }
  | { type: "polled"; isAdmitted: boolean }
  | { type: "delay"; minutes: number }
  | { type: "admitted" }
  | { type: "peer"; peer: Peer }
  | { type: "peer_problem"; code: Problem }
  /** A written line of the other side, or of `from` where there are more than two. Kept nowhere. */
  | { type: "chat"; text: string; mine: false; from?: Who }
  | { type: "negotiating"; attempt: number }
  | { type: "stream"; stream: MediaStream }
  | { type: "transport"; connected: boolean }
  | { type: "quality"; quality: Quality }
  /** Companions, interpreters: whoever is there beside doctor and insured. */
  | { type: "others"; others: Other[] }
  /** Who comes with the insured and is at the door or in the call. Told to the doctor alone. */
  | { type: "company"; people: Companion[] }
  /** `text`: the written line that was not passed on, where it is known; else the newest. */
  | { type: "refused"; reason: string; text?: string }
  | { type: "takeover" }
  | { type: "ended"; reason: string }
  | { type: "failed"; reason: string; opensAt?: string };

/** What a provider's client must do. Nothing in here touches the page. */
export interface Adapter {
  onEvent: (event: AdapterEvent) => void;
  open(): void;
  /** Camera and microphone are settled, with or without them. */
  ready(stream: MediaStream, media: Media): void;
  media(media: Media): void;
  /** Another camera or microphone, without a new negotiation. */
  replace(kind: "audio" | "video", track: MediaStreamTrack | null): void;
  /** A written line to the other side. One that cannot be passed on is answered by `refused` (`chat_undelivered`, `chat_too_fast`). */
  chat(text: string): void;
  admit(): void;
  later(minutes: number): void;
  /** The doctor lets in somebody who comes with the insured, or puts them out. */
  letIn(companion: string, isIn: boolean): void;
  /** Somebody asks for another try. */
  retry(): void;
  problem(code: Problem): void;
  hidden(isHidden: boolean): void;
  /** The page comes back to the fore: what may have died meanwhile is looked at now, not later. */
  wake(): void;
  /** The page goes: for good, or perhaps to be reloaded. */
  bye(forGood: boolean): void;
  /** The doctor ends it for both. */
  finish(): void;
  /** Let go of everything, without a word. */
  close(): void;
  statistics(): Promise<Statistics>;
}

/** Letters of a written line. As the server has it. */
export const LONGEST_CHAT = 500;
export const NO_MEDIA: Media = { audio: false, video: false, wantsVideo: true };
export const ABSENT: Peer = { state: "absent", since: null, media: NO_MEDIA, hasLeft: false };
