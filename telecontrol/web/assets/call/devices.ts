/** Camera and microphone: what can be had, and one clear word for each reason why not. */
import type { Problem } from "./types";

export interface Opened {
  stream: MediaStream;
  /** The most serious thing that is missing, or null. */
  problem: Problem | null;
}

export interface Choice {
  cameraId?: string;
  microphoneId?: string;
  facing?: "user" | "environment";
}

export interface Surroundings {
  isSecure: boolean;
  hasApi: boolean;
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
export function unavailable({ isSecure, hasApi, userAgent }: Surroundings): Problem | null {
  if (hasApi) return null;
  if (isInApp(userAgent)) return "in_app_browser";
  return isSecure ? "unsupported" : "insecure_context";
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
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
  if (choice.cameraId) return { ...size, deviceId: { exact: choice.cameraId } };
  return { ...size, facingMode: choice.facing ?? "user" };
}

function audio(choice: Choice): MediaTrackConstraints {
  const clean = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return choice.microphoneId ? { ...clean, deviceId: { exact: choice.microphoneId } } : clean;
}

/** Both, else what can be had: sound first, for a call without a picture is still a call. Never throws. */
export async function openDevices(choice: Choice = {}): Promise<Opened> {
  const missing = unavailable(await surroundings());
  if (missing !== null) return { stream: new MediaStream(), problem: missing };
  const tries: [MediaStreamConstraints, Problem | null][] = [
    [{ audio: audio(choice), video: video(choice) }, null],
    [{ audio: true, video: true }, null],
    [{ audio: audio({}) }, "no_camera"],
    [{ video: true }, "no_microphone"],
  ];
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

export async function cameras(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
  return (devices ?? []).filter((device) => device.kind === "videoinput");
}

export function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

async function surroundings(): Promise<Surroundings> {
  return {
    isSecure: window.isSecureContext,
    hasApi: typeof navigator.mediaDevices?.getUserMedia === "function",
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
