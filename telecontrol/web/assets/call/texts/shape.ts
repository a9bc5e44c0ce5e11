/** What each language says: one file per language has all of it, and the compiler sees that it does. */
import type { Problem } from "../types";

export interface Texts {
  microphone: string;
  microphoneOff: string;
  camera: string;
  cameraOff: string;
  soundOnly: string;
  soundOnlyOff: string;
  leave: string;
  finish: string;
  switchCamera: string;
  more: string;
  close: string;
  settings: string;
  fullScreen: string;
  /** The keys that act, in one line. */
  keys: string;
  you: string;
  remotePicture: string;
  /** Whoever is there beside doctor and insured. */
  companion: string;
  company: CompanyTexts;
  /** What differs on the page of somebody who comes with the insured: nothing of theirs is recorded, nothing held against them. */
  asCompanion: Partial<RoleTexts>;
  microphoneLevel: string;
  phone: string;
  /** `{phone}` */
  callNumber: string;
  home: string;
  join: string;
  retry: string;
  retryDevices: string;
  resume: string;
  rejoin: string;
  playSound: string;
  copyLink: string;
  copied: string;
  copyByHand: string;
  admit: string;
  /** `{minutes}` */
  later: string;
  /** `{minutes}`, told to the doctor once said. */
  laterSaid: string;
  peerCameraOff: string;
  peerMicrophoneOff: string;
  peerSoundOnly: string;
  /** Pictures were given up by itself. */
  saving: [title: string, text: string];
  quality: Record<"good" | "weak" | "sound", string>;
  chat: ChatTexts;
  show: ShowTexts;
  devices: DeviceTexts;
  /** Asked before a link or a button of the page leads out of a call. */
  leaveCall: string;
  socketLost: string;
  insured: RoleTexts;
  doctor: RoleTexts;
  problem: Record<Problem, [title: string, text: string]>;
  /** What is said of a problem on the other side. */
  peerProblem: Record<Problem, string>;
  refused: Record<string, string>;
  test: TestTexts;
}

/** Somebody who comes with the insured, as the doctor is asked about them. */
export interface CompanyTexts {
  /** `{name}` */
  waits: string;
  advice: string;
  letIn: string;
  refuse: string;
  putOut: string;
}

/** What is written during the call. */
export interface ChatTexts {
  title: string;
  open: string;
  /** `{count}` */
  unread: string;
  notKept: string;
  label: string;
  send: string;
  answer: string;
}

/** A document, or the screen, in the place of the face. */
export interface ShowTexts {
  document: string;
  screen: string;
  stop: string;
  ownDocument: [title: string, text: string];
  ownScreen: [title: string, text: string];
  peerDocument: string;
  peerScreen: string;
}

/** Before going in. */
export interface DeviceTexts {
  arrived: [title: string, text: string];
  awaited: [title: string, text: string];
  goIn: string;
  goInNow: string;
  goInAnyway: string;
  /** Neither camera nor microphone. */
  withoutAnything: string;
  withoutCamera: string;
  choose: string;
  camera: string;
  microphone: string;
  speaker: string;
  /** `{name}` of the kind, `{number}`: where the browser tells no name. */
  unnamed: string;
  listen: string;
}

/** The device test. */
export type TestTexts = Record<
  | "begin"
  | "allow"
  | "speak"
  | "heard"
  | "yes"
  | "no"
  | "again"
  | "restart"
  | "ready"
  | "noSound"
  | "camera"
  | "microphone"
  | "sound"
  | "unknown"
  | "good"
  | "bad",
  string
>;

export interface RoleTexts {
  /** Who the other is, as said above what they write. */
  other: string;
  ready: [string, string];
  connecting: string;
  waiting: [string, string];
  /** `{minutes}` */
  delay: string;
  /** The other is expected; `{time}` where the other side waits. */
  peerWaiting: [string, string];
  peerAbsent: [string, string];
  peerAway: string;
  /** Gone for good, as far as one knows; `{time}` to the doctor. */
  peerLeft: [string, string];
  /** Arrived, still choosing camera and microphone. */
  peerChoosing: string;
  admitted: [string, string];
  connected: string;
  live: string;
  poor: string;
  reconnecting: string;
  takeover: [string, string];
  left: [string, string];
  finished: [string, string];
  closed: [string, string];
  failed: [string, string];
  notOpen: [string, string];
  notAllowed: [string, string];
}
