/** What somebody chose last time on this device: camera, microphone, loudspeaker, and whether they came with sound alone. */

export type DeviceKind = "camera" | "microphone" | "speaker";

/** Ids change when a site's data is cleared, labels when a driver is; either is enough to know a device again. */
export interface Remembered {
  id: string;
  label: string;
}

export type Preferences = Partial<Record<DeviceKind, Remembered>> & { isSoundOnly?: boolean };

const KEY = "call:devices";

export function recall(): Preferences {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {}) as Preferences;
  } catch {
    // Private windows may refuse storage, and anybody may have written there: then nothing is remembered.
    return {};
  }
}

export function remember(changes: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...recall(), ...changes }));
  } catch {
    // As above.
  }
}

/** The device that was chosen among those that are there now: by its id, else by its label. Pure. */
export function known<Device extends { deviceId: string; label: string }>(
  chosen: Remembered | undefined,
  present: readonly Device[],
): Device | undefined {
  if (chosen === undefined) return undefined;
  return (
    present.find((device) => device.deviceId !== "" && device.deviceId === chosen.id) ??
    present.find((device) => device.label !== "" && device.label === chosen.label)
  );
}
