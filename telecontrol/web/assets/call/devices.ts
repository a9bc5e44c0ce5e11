/** Camera and microphone: what can be had, and one clear word for each reason why not. */
import { known, type DeviceKind, type Preferences } from "./preferences";
import type { Problem } from "./types";

export interface Opened {
  stream: MediaStream;
  /** The most serious thing that is missing, or null. */
  problem: Problem | null;
}

/** A device by its id. Only one that was seen plugged in a moment ago is asked for by name: browsers pay little heed to wishes. */
export interface Wished {
  id: string;
  isPluggedIn: boolean;
}

export interface Choice {
  camera?: Wished;
  microphone?: Wished;
  facing?: "user" | "environment";
  /** Enough to read small print. */
  isDetailed?: boolean;
}

/** What is plugged in now, by kind. Names are empty until the browser has been allowed to tell them. */
export type Plugged = Record<DeviceKind, MediaDeviceInfo[]>;

export interface Surroundings {
  isSecure: boolean;
  hasApi: boolean;
  /** Any browser of the last years: without the camera's interface it is one that lives inside an application. */
  isRecent?: boolean;
  userAgent: string;
  /** Of the kinds that were asked for, whether one is refused in the browser's own settings. */
  isDenied: boolean;
}

const IN_APP = /FBAN|FBAV|FB_IAB|Instagram|Line\/|Twitter|LinkedInApp|Snapchat|MicroMessenger|TikTok|musical_ly|Pinterest|; wv\)/i;

/** Whether a link was opened inside an app whose browser often has no camera. */
export function isInApp(userAgent: string): boolean {
  const isApple = /iPhone|iPad|iPod/.test(userAgent);
  return IN_APP.test(userAgent) || (isApple && !/Safari\//.test(userAgent));
}

/** What is wrong before anybody is asked, or null. */
export function unavailable({ isSecure, hasApi, isRecent, userAgent }: Surroundings): Problem | null {
  if (hasApi) return null;
  if (!isSecure) return "insecure_context";
  return isInApp(userAgent) || isRecent === true ? "in_app_browser" : "unsupported";
}

/** The name of what getUserMedia threw. Browsers and systems say it in different ways. */
export function nameProblem(error: { name: string; message: string }, around: Surroundings): Problem {
  switch (error.name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      if (/system/i.test(error.message)) return "refused_by_system";
      // Refused without being refused in the browser's settings, inside an app: the app has no right to the camera.
      return !around.isDenied && isInApp(around.userAgent) ? "in_app_browser" : "refused_by_browser";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "device_busy";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "no_device";
    case "SecurityError":
      return around.isSecure ? "refused_by_browser" : "insecure_context";
    default:
      return "other";
  }
}

function video(choice: Choice): MediaTrackConstraints {
  // Enough to read a document held up to the camera, little enough for a telephone network.
  const [width, height] = choice.isDetailed ? [1920, 1080] : [1280, 720];
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 24, max: 30 } };
  if (choice.camera) return { ...size, deviceId: wish(choice.camera) };
  return { ...size, facingMode: { ideal: choice.facing ?? "user" } };
}

function audio(choice: Choice): MediaTrackConstraints {
  const clean = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return choice.microphone ? { ...clean, deviceId: wish(choice.microphone) } : clean;
}

/** An id that may be stale is a wish: a device that is gone must not stand in the way of the one that is there. */
function wish({ id, isPluggedIn }: Wished): ConstrainDOMString {
  return isPluggedIn ? { exact: id } : { ideal: id };
}

/**
 * Both, else what can be had: sound first, for a call without a picture is still a call. Never throws. With `isSoundOnly`
 * the camera is not even asked for.
 */
export async function openDevices(choice: Choice = {}, { isSoundOnly = false } = {}): Promise<Opened> {
  const missing = unavailable(await surroundings());
  if (missing !== null) return { stream: new MediaStream(), problem: missing };
  const both: [MediaStreamConstraints, Problem | null][] = [
    [{ audio: audio(choice), video: video(choice) }, null],
    [{ audio: true, video: true }, null],
    [{ audio: audio({}) }, "no_camera"],
    [{ video: true }, "no_microphone"],
  ];
  const sound: [MediaStreamConstraints, Problem | null][] = [
    [{ audio: audio(choice) }, null],
    [{ audio: true }, null],
  ];
  const tries = isSoundOnly ? sound : both;
  let first: Problem | null = null;
  for (const [constraints, without] of tries) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      // What stopped the first try says more than what the last one lacks.
      const isBlunt = first === "no_device" || first === null;
      return { stream, problem: without === null ? null : isBlunt ? without : first };
    } catch (error) {
      const found = nameProblem(error as DOMException, await surroundings());
      first ??= found;
      if (first === "in_app_browser") break;
    }
  }
  return { stream: new MediaStream(), problem: first };
}

/** One track of a kind, from another device. Null when it cannot be had. */
export async function openTrack(kind: "audio" | "video", choice: Choice = {}): Promise<MediaStreamTrack | null> {
  const constraints = kind === "audio" ? { audio: audio(choice) } : { video: video(choice) };
  try {
    return (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0] ?? null;
  } catch {
    return null;
  }
}

export async function plugged(): Promise<Plugged> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind && device.deviceId !== "");
  return { camera: of("videoinput"), microphone: of("audioinput"), speaker: of("audiooutput") };
}

/** What was chosen last time, among what is there now. */
export async function chosen(preferences: Preferences): Promise<Choice> {
  const present = await plugged();
  // Before the browser is allowed to tell names and ids, the remembered id is the best guess.
  const wished = (kind: "camera" | "microphone"): Wished | undefined => {
    const device = known(preferences[kind], present[kind]);
    const id = device?.deviceId ?? preferences[kind]?.id;
    return id ? { id, isPluggedIn: device !== undefined } : undefined;
  };
  return { camera: wished("camera"), microphone: wished("microphone") };
}

/** The screen, a window or a tab, as the person chooses. Null when they think better of it. */
export async function openScreen(): Promise<MediaStreamTrack | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10 } }, audio: false });
    return stream.getVideoTracks()[0] ?? null;
  } catch {
    return null;
  }
}

export const canShowScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

export function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

export const isRecent = (): boolean => typeof RTCPeerConnection === "function" || typeof IntersectionObserver === "function";

async function surroundings(): Promise<Surroundings> {
  return {
    isSecure: window.isSecureContext,
    hasApi: typeof navigator.mediaDevices?.getUserMedia === "function",
    isRecent: isRecent(),
    userAgent: navigator.userAgent,
    isDenied: (await isDenied("camera")) || (await isDenied("microphone")),
  };
}

async function isDenied(name: string): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state === "denied";
  } catch {
    // Browsers that cannot be asked say nothing of it.
    return false;
  }
}
