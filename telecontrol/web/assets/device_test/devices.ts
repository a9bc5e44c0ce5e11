/** What this browser can do, and the words of the call's device problems as troubles of the test. */
import { isRecent, unavailable } from "../call/devices";
import type { Problem } from "../call/types";
import type { Trouble } from "./texts";

/** Why no call can be held in this browser, or null. Nothing is asked of anybody. */
export function unfit(): Trouble | null {
  const hasDevices = typeof navigator.mediaDevices?.getUserMedia === "function";
  const around = { isSecure: window.isSecureContext, hasApi: hasDevices, isRecent: isRecent(), userAgent: navigator.userAgent, isDenied: false };
  const missing = unavailable(around);
  if (missing !== null) return asTrouble(missing, "unsupported");
  const has = [hasDevices, typeof RTCPeerConnection === "function", typeof WebSocket === "function", typeof AudioContext === "function"];
  return has.includes(false) ? "unsupported" : null;
}

const KNOWN: Partial<Record<Problem, Trouble>> = {
  refused_by_browser: "refused_by_browser",
  refused_by_system: "refused_by_system",
  device_busy: "device_busy",
  no_device: "no_device",
  no_camera: "no_camera",
  in_app_browser: "in_app_browser",
  insecure_context: "insecure_context",
  unsupported: "unsupported",
  other: "other",
};

export function asTrouble(problem: Problem | null, otherwise: Trouble): Trouble {
  return (problem === null ? undefined : KNOWN[problem]) ?? otherwise;
}

/** Every camera, or every microphone, once the browser tells their names. */
export async function others(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return all.filter((device) => device.kind === kind && device.deviceId !== "");
}
