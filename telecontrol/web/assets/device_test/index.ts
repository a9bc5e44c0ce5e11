/**
 * The device test. A page writes
 *
 *   <div id="device-test" data-connection-url="…" data-token="…" data-phone="…" data-result-url="…"></div>
 *
 * and loads this script. Without `data-result-url` nothing that is found leaves the page, but for the connection being tried.
 * `data-is-public` says that the page's address opens for anybody, so that it may be copied into another browser.
 */
import { DeviceTest } from "./flow";
import { WORDS } from "./texts";

export { routeOf } from "./builtin";

function mountAll(): void {
  const place = document.querySelector<HTMLElement>("#device-test");
  if (place === null || place.querySelector(".device-test") !== null) return;
  const { connectionUrl = "", resultUrl, token = "", phone = "", isPublic } = place.dataset;
  const language = document.documentElement.lang.slice(0, 2);
  new DeviceTest(place, {
    words: WORDS[language] ?? WORDS.fr,
    connectionUrl,
    resultUrl,
    headers: token ? { "X-CSRF-Token": token } : {},
    phone,
    isPublic: isPublic !== undefined,
  });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();
