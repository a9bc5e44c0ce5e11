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
  you: string;
  remotePicture: string;
  microphoneLevel: string;
  phone: string;
  join: string;
  retry: string;
  retryDevices: string;
  resume: string;
  rejoin: string;
  playSound: string;
  copyLink: string;
  copied: string;
  admit: string;
  /** `{minutes}` */
  later: string;
  /** `{minutes}`, told to the doctor once said. */
  laterSaid: string;
  peerCameraOff: string;
  peerMicrophoneOff: string;
  socketLost: string;
  insured: RoleTexts;
  doctor: RoleTexts;
  problem: Record<Problem, [title: string, text: string]>;
  /** What is said of a problem on the other side. */
  peerProblem: Record<Problem, string>;
  refused: Record<string, string>;
  test: TestTexts;
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
  ready: [string, string];
  connecting: string;
  waiting: [string, string];
  /** `{minutes}` */
  delay: string;
  /** The other is expected; `{time}` where the other side waits. */
  peerWaiting: [string, string];
  peerAbsent: [string, string];
  peerAway: string;
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
