/**
 * The call. A page either writes
 *
 *   <div data-call data-call-provider="builtin" data-call-role="insured" data-call-ticket-url="…" data-call-room="…" data-call-phone="…"></div>
 *
 * and loads this script, or imports `mount` and hands it an element and options.
 */
import { mount, type Mounted, type MountOptions } from "./mount";
import type { Role } from "./types";

export { Call } from "./call";
export { noticeOf } from "./notices";
export { NotAllowed } from "./link";
export { openDevices } from "./devices";
export { Meter, chime, wakeAudio } from "./levels";
export { mount, type Mounted, type MountOptions } from "./mount";
export { textsIn, type Texts } from "./texts";
export { watchWaiting, type Waiting } from "./watch";
export type { CallState, Peer, Problem, Statistics, Ticket } from "./types";

declare global {
  interface HTMLElement {
    mountedCall?: Mounted;
  }
}

/** Mount every `[data-call]` that is not mounted yet. */
export function mountAll(within: ParentNode = document): void {
  for (const place of within.querySelectorAll<HTMLElement>("[data-call]")) {
    if (place.mountedCall === undefined) place.mountedCall = mount(place, optionsOf(place), place.dataset.callProvider);
  }
}

function optionsOf(place: HTMLElement): MountOptions {
  const { callRole, callTicketUrl, callRoom, callPhone, callStart, callAfterUrl, callLinkUrl, callToken, callZone } = place.dataset;
  return {
    role: callRole as Role,
    ticketUrl: callTicketUrl,
    room: callRoom,
    isCompanion: place.dataset.callCompanion !== undefined,
    phone: callPhone,
    start: callStart === "now" || callStart === "devices" ? callStart : "button",
    linkUrl: callLinkUrl,
    afterUrl: callAfterUrl,
    zone: callZone || undefined,
    headers: token(callToken),
  };
}

function token(value: string | undefined): Record<string, string> {
  return value ? { "X-CSRF-Token": value } : {};
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => mountAll());
else mountAll();
