/** Elements without inline style or script: the page's policy allows neither. */

type Attributes = Record<string, string | boolean>;

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function button(className: string, label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", className, { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** Set only what changed: a live region must not be said twice, and a focus must not be lost. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function toggle(node: Element, className: string, isOn: boolean): void {
  if (node.classList.contains(className) !== isOn) node.classList.toggle(className, isOn);
}
