// Bootstrap publishes its parts without types.
declare module "bootstrap/js/dist/dropdown";
declare module "bootstrap/js/dist/offcanvas";
declare module "bootstrap/js/dist/toast" {
  export default class Toast {
    constructor(element: Element, options?: { delay?: number });
    show(): void;
  }
}
