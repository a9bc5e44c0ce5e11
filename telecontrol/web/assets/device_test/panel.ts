/** What the device test looks like: a list of steps, of which one is open at a time, and one line that is read aloud. */
import { button, element, setText } from "../call/elements";
import type { StepName, Words } from "./texts";

export const STEPS: StepName[] = ["browser", "camera", "microphone", "speaker", "connection"];
export type Mark = "todo" | "current" | "good" | "bad" | "unknown";
export type Act = [label: string, run: () => void];

export class Panel {
  readonly root = element("section", "device-test");
  private readonly status = element("p", "device-test__status", { role: "status" });
  private readonly lines = new Map<StepName, { item: HTMLElement; heading: HTMLElement; state: HTMLElement; body: HTMLElement }>();
  private readonly beginning = element("div", "device-test__beginning");
  private readonly end = element("div", "device-test__end");
  private readonly list = element("ol", "device-test__steps");

  constructor(private readonly words: Words) {
    for (const name of STEPS) {
      const heading = element("h2", "device-test__name", { tabindex: "-1" }, words.step[name]);
      const state = element("span", "device-test__state");
      const body = element("div", "device-test__body");
      const head = element("div", "device-test__head", {}, element("span", "device-test__mark", { "aria-hidden": "true" }), heading, state);
      const item = element("li", "device-test__step", {}, head, body);
      this.lines.set(name, { item, heading, state, body });
      this.list.append(item);
      this.mark(name, "todo");
    }
    this.root.append(this.status, this.beginning, this.list, this.end);
  }

  mark(name: StepName, mark: Mark, text = this.words.state[mark]): void {
    const { item, state, body } = this.line(name);
    item.className = `device-test__step device-test__step--${mark}`;
    if (mark === "current") item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
    setText(state, text);
    if (mark !== "current") body.replaceChildren();
  }

  /** Open a step, and lead whoever cannot see the page to it. */
  open(name: StepName, ...content: Node[]): void {
    const { heading, body } = this.line(name);
    this.mark(name, "current");
    this.beginning.replaceChildren();
    this.end.replaceChildren();
    body.replaceChildren(...content);
    heading.focus({ preventScroll: true });
    this.line(name).item.scrollIntoView({ block: "nearest" });
  }

  /** What the open step shows now, its heading staying where it is. */
  fill(name: StepName, ...content: Node[]): void {
    const { item, body } = this.line(name);
    body.replaceChildren(...content);
    item.scrollIntoView({ block: "nearest" });
  }

  /** Below what the open step shows, in place of what stood there. */
  beside(name: StepName, ...content: Node[]): void {
    const { body } = this.line(name);
    body.querySelector(".device-test__beside")?.remove();
    body.append(element("div", "device-test__beside", {}, ...content));
  }

  finish(kind: "success" | "info" | "warning", title: string, ...content: Node[]): void {
    const heading = element("h2", "device-test__result", { tabindex: "-1" }, title);
    this.end.className = `device-test__end device-test__end--${kind}`;
    this.end.replaceChildren(heading, ...content);
    heading.focus({ preventScroll: true });
    this.end.scrollIntoView({ block: "nearest" });
  }

  start(...content: Node[]): void {
    this.beginning.replaceChildren(...content);
  }

  say(text: string): void {
    setText(this.status, text);
  }

  private line(name: StepName): { item: HTMLElement; heading: HTMLElement; state: HTMLElement; body: HTMLElement } {
    const found = this.lines.get(name);
    if (found === undefined) throw new Error(name);
    return found;
  }
}

export function sentence(text: string, className = ""): HTMLElement {
  return element("p", className, {}, text);
}

/** Buttons of a step; the first is the one to press. */
export function acts(...all: Act[]): HTMLElement {
  const made = all.map(([label, run], index) => button(index === 0 ? "btn btn--primary" : "btn", label, run));
  return element("div", "device-test__acts", {}, ...made);
}

/** One that is there for whoever wants it. */
export function aside([label, run]: Act): HTMLElement {
  return element("div", "device-test__acts", {}, button("btn", label, run));
}

/** Which camera or microphone, where there are several. */
export function chooser(id: string, label: string, devices: MediaDeviceInfo[], present: string, choose: (id: string) => void): HTMLElement {
  const select = element("select", "form-select", { id });
  devices.forEach((device, index) => {
    const option = element("option", "", { value: device.deviceId }, device.label || `${label} ${index + 1}`);
    option.selected = device.deviceId === present;
    select.append(option);
  });
  select.addEventListener("change", () => choose(select.value));
  return element("div", "field", {}, element("label", "field__label", { for: id }, label), select);
}
