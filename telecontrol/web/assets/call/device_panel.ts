/** Which camera, microphone and loudspeaker: on the page before going in, and again during the call. */
import type { Call } from "./call";
import { button, element, setText, toggle } from "./elements";
import { icon } from "./icons";
import { chime, wakeAudio } from "./levels";
import type { DeviceKind } from "./preferences";
import { fill, type Texts } from "./texts";
import type { Problem } from "./types";

const KINDS: DeviceKind[] = ["camera", "microphone", "speaker"];

/** The three lists. A kind of which there is nothing is not shown. */
export class DeviceLists {
  readonly root = element("div", "call__devices");
  private readonly fields: Record<DeviceKind, { row: HTMLElement; list: HTMLSelectElement }>;
  private readonly stops: (() => void)[];

  constructor(
    private readonly call: Call,
    private readonly texts: Texts,
    prefix: string,
  ) {
    this.fields = Object.fromEntries(KINDS.map((kind) => [kind, this.field(kind, `${prefix}-${kind}`)])) as typeof this.fields;
    const listen = button("call__act", texts.devices.listen, () => {
      wakeAudio();
      void chime(call.own.current("speaker"));
    });
    listen.prepend(icon("sound"));
    this.root.append(...KINDS.map((kind) => this.fields[kind].row), listen);
    this.stops = [call.on("plugged", () => this.show()), call.on("media", () => this.show())];
    this.show();
  }

  destroy(): void {
    for (const stop of this.stops) stop();
  }

  show(): void {
    const { own } = this.call;
    for (const kind of KINDS) {
      const { row, list } = this.fields[kind];
      const present = own.devices[kind];
      row.hidden = present.length === 0 || (kind === "speaker" && !canChooseSpeaker());
      const names = present.map((device, index) => device.label || fill(this.texts.devices.unnamed, { name: this.texts.devices[kind], number: index + 1 }));
      const key = JSON.stringify([present.map((device) => device.deviceId), names]);
      if (list.dataset.key !== key) {
        list.dataset.key = key;
        list.replaceChildren(...present.map((device, index) => element("option", "", { value: device.deviceId }, names[index] ?? "")));
      }
      const current = own.current(kind);
      if (current !== "" && list.value !== current) list.value = current;
    }
  }

  private field(kind: DeviceKind, id: string): { row: HTMLElement; list: HTMLSelectElement } {
    const list = element("select", "call__select", { id });
    list.addEventListener("change", () => void this.call.choose(kind, list.value));
    const row = element("div", "call__choice", { hidden: true }, element("label", "", { for: id }, this.texts.devices[kind]), list);
    return { row, list };
  }
}

/** What stands beside the own picture before going in: one main button, and what may be set if one likes. */
export class ArrivalPanel {
  readonly head = element("div", "call__arrival-head");
  readonly body = element("div", "call__arrival");
  private readonly title = element("h2", "call__title", { tabindex: "-1" });
  private readonly text = element("p", "call__text");
  private readonly goIn: HTMLButtonElement;
  private readonly without: HTMLInputElement;
  private readonly lists: DeviceLists;
  private readonly check: HTMLElement;
  private readonly fold: HTMLElement;

  constructor(
    private readonly call: Call,
    private readonly texts: Texts,
    onGoIn: () => void,
  ) {
    const words = texts.devices;
    this.goIn = button("call__act call__act--main call__act--go-in", words.goIn, onGoIn);
    this.without = element("input", "call__check", { type: "checkbox", id: "call-without-camera" });
    this.without.addEventListener("change", () => void call.comeWithSoundOnly(this.without.checked));
    this.check = element("label", "call__check-row", { for: this.without.id }, this.without, element("span", "", {}, words.withoutCamera));
    this.lists = new DeviceLists(call, texts, "call-before");
    this.fold = element("details", "call__fold", {}, element("summary", "", {}, words.choose), this.lists.root);
    this.head.append(this.title, this.text);
    this.body.append(this.goIn, this.check, this.fold);
  }

  destroy(): void {
    this.lists.destroy();
  }

  /** `isAdmitted`: the doctor has already opened the door. With a problem going in stays possible, and is not the first thing. */
  show(isAdmitted: boolean, delayMinutes: number | null, problem: Problem | null): void {
    const words = this.texts.devices;
    const { own } = this.call;
    const isMute = problem !== null && own.track("audio") === null;
    const [title, text] = isAdmitted ? words.awaited : words.arrived;
    setText(this.title, title);
    const delay = isAdmitted || delayMinutes === null ? "" : `${fill(this.texts.insured.delay, { minutes: delayMinutes })} `;
    setText(this.text, delay + (isMute ? words.withoutAnything : text));
    setText(this.goIn, isMute ? words.goInAnyway : isAdmitted ? words.goInNow : words.goIn);
    toggle(this.goIn, "call__act--main", !isMute);
    this.without.checked = this.call.comesWithoutCamera;
    this.check.hidden = isMute && problem !== "device_busy";
    this.fold.hidden = Object.values(own.devices).every((devices) => devices.length === 0);
  }
}

/** The same lists during the call. */
export class SettingsPanel {
  readonly root: HTMLElement;
  private readonly lists: DeviceLists;
  private readonly close: HTMLButtonElement;

  constructor(call: Call, texts: Texts, private readonly onClose: () => void) {
    this.lists = new DeviceLists(call, texts, "call-during");
    this.close = button("call__close", "", () => this.hide(), { "aria-label": texts.close });
    this.close.append(icon("close"));
    const head = element("header", "call__panel-head", {}, element("h2", "call__panel-title", {}, texts.settings), this.close);
    this.root = element("section", "call__panel", { hidden: true, "aria-label": texts.settings }, head, this.lists.root);
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
  }

  destroy(): void {
    this.lists.destroy();
  }

  open(): void {
    this.root.hidden = false;
    this.lists.show();
    this.close.focus();
  }

  hide(): void {
    if (this.root.hidden) return;
    this.root.hidden = true;
    this.onClose();
  }
}

/** Some browsers leave the loudspeaker to the system. */
export const canChooseSpeaker = (): boolean => "setSinkId" in HTMLMediaElement.prototype;
