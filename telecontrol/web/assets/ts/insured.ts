/** Pages of the insured: nothing here is needed to read, answer or join; it makes waiting and filling in easier. */
import { startCountdowns } from "./clock";
import { startForms } from "./forms";
import { startPresses } from "./press";

startCountdowns();
startForms();
startPresses();

// The page makes room for the picture once the call is on (scss/_in_call.scss).
document.addEventListener("call:state", (event) => {
  document.documentElement.dataset.call = (event as CustomEvent<{ state: string }>).detail.state;
});
