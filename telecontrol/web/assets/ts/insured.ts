/** Pages of the insured: nothing here is needed to read, answer or join; it makes waiting and filling in easier. */
import { startCountdowns } from "./clock";
import { startForms } from "./forms";
import { startPresses } from "./press";

startCountdowns();
startForms();
startPresses();
