/** The few drawings of the call, as strokes on a square of 24: beside words, never instead of them. */
const STROKES = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4M9 21h6",
  microphoneOff: "M9 6a3 3 0 0 1 6 0v5M9 9v2a3 3 0 0 0 4 2.8M6 11a6 6 0 0 0 9 5.2M18 11a6 6 0 0 1-.5 2.5M12 17v4M9 21h6M4 4l16 16",
  camera: "M3 7h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3zM15 11l6-3v8l-6-3",
  cameraOff: "M7 7h7a1 1 0 0 1 1 1v4M15 16a1 1 0 0 1-1 1H3V7M15 11l6-3v8l-4-2M4 4l16 16",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  document: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  sound: "M4 9h4l5-4v14l-5-4H4zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
  turn: "M4 11a8 8 0 0 1 14-4l2 2M20 4v5h-5M20 13a8 8 0 0 1-14 4l-2-2M4 20v-5h5",
  settings: "M4 7h9M17 7h3M13 5v4M4 17h3M11 17h9M9 15v4",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  close: "M6 6l12 12M18 6L6 18",
  phone: "M5 3h4l2 5-2.5 1.5a11 11 0 0 0 6 6L16 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 5a2 2 0 0 1 2-2z",
} as const;

export type Icon = keyof typeof STROKES;

const SPACE = "http://www.w3.org/2000/svg";

export function icon(name: Icon): SVGSVGElement {
  const drawing = document.createElementNS(SPACE, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "call__icon");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("focusable", "false");
  drawing.append(document.createElementNS(SPACE, "path"));
  redraw(drawing, name);
  return drawing;
}

/** Another drawing in the same place. */
export function redraw(drawing: SVGSVGElement, name: Icon): void {
  drawing.firstElementChild?.setAttribute("d", STROKES[name]);
}
