/** Staff pages: partial updates (htmx), menus and drawers (Bootstrap), keyboard, countdowns, theme, waiting badge. */
import "bootstrap/js/dist/dropdown";
import "bootstrap/js/dist/offcanvas";
import "htmx.org";
import { startAgenda } from "./agenda";
import { startCountdowns } from "./clock";
import { startDialogs } from "./dialogs";
import { startEarlyForms } from "./early";
import { startForms } from "./forms";
import { startKeys } from "./keys";
import { startNotes } from "./notes";
import { startPresses } from "./press";
import { startTheme } from "./theme";
import { startToasts } from "./toasts";
import { startWaitingBadge } from "./waiting";

startTheme();
startCountdowns();
startAgenda();
startEarlyForms();
startForms();
startPresses();
startKeys();
startDialogs();
startToasts();
startWaitingBadge();
startNotes();
