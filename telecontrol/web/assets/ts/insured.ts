/** Pages of the insured: nothing here is needed to read, answer or join; it makes waiting and filling in easier. */
import { startCountdowns } from "./clock";
import { startForms } from "./forms";
import { startPresses } from "./press";

startCountdowns();
startForms();
startPresses();

// The page makes room for the picture once the call is on (scss/_in_call.scss).
document.addEventListener("call:state", (event) => {
  const { state } = (event as CustomEvent<{ state: string }>).detail;
  document.documentElement.dataset.call = state;
  entitle(state);
});

/** The page's name, in its heading and in the tab, goes with the call: nobody who is in it is in the waiting room. */
function entitle(state: string): void {
  const heading = document.querySelector<HTMLElement>("[data-when-waiting]");
  const { whenWaiting, whenIn, whenOver } = heading?.dataset ?? {};
  const named: Record<string, string | undefined> = { waiting: whenWaiting, admitted: whenIn, connected: whenIn, live: whenIn, poor: whenIn, ended: whenOver };
  const words = named[state];
  if (!heading || words === undefined || heading.textContent === words) return;
  document.title = document.title.replace(heading.textContent ?? "", words);
  heading.textContent = words;
}
