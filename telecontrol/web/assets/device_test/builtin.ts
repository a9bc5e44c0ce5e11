/** The built-in call's way, tried as the call would use it: its socket, then picture and sound over real peer connections. */
import type { ConnectionOffer, ConnectionResult, ConnectionTester, Route, Stage } from "./connection";
import { loopback, type Loop } from "./loopback";

const SOCKET_MS = 8_000;

export const builtinTester: ConnectionTester = {
  async run(offer: ConnectionOffer, stream: MediaStream, onStage: (stage: Stage) => void): Promise<ConnectionResult> {
    onStage("socket");
    if (!(await isHeard(offer))) return { trouble: "socket_blocked", route: "" };
    onStage("media");
    const iceServers = offer.ice_servers;
    const [open, relayed] = await Promise.all([
      loopback({ iceServers }, stream),
      offer.has_relay ? loopback({ iceServers, iceTransportPolicy: "relay" }, stream) : null,
    ]);
    const route = routeOf(open, relayed, iceServers);
    return { trouble: route === "none" ? "media_blocked" : null, route };
  },
};

/** Whether our server hears a socket of this page, and the page its answer. */
function isHeard(offer: ConnectionOffer): Promise<boolean> {
  return new Promise((resolve) => {
    let socket: WebSocket;
    const end = (heard: boolean): void => {
      clearTimeout(timer);
      resolve(heard);
      socket?.close();
    };
    const timer = setTimeout(() => end(false), SOCKET_MS);
    try {
      socket = new WebSocket(offer.url);
    } catch {
      end(false);
      return;
    }
    socket.onopen = () => socket.send(JSON.stringify({ type: "test", ticket: offer.token }));
    socket.onmessage = (event) => end((JSON.parse(String(event.data)) as { type: string }).type === "heard");
    socket.onclose = () => end(false);
  });
}

/**
 * Both ends of the test are in this page, so that they always find each other: what says something of the network is whether
 * anything of it reached our servers. Pure.
 */
export function routeOf(open: Loop, relayed: Loop | null, iceServers: RTCIceServer[]): Route {
  const urls = iceServers.flatMap((server) => server.urls);
  const relayWorks = relayed?.isThrough ?? false;
  // Without a server of ours in between there is nothing more to ask.
  if (urls.length === 0) return open.isThrough ? "direct" : "none";
  const asksOverUdp = urls.some((url) => /^(stun|turn):/.test(url) && !/transport=tcp/i.test(url));
  const udpGoesOut = asksOverUdp ? open.wasAnswered || relayed?.relayProtocol === "udp" : !relayWorks;
  if (open.isThrough && udpGoesOut) return "direct";
  return relayWorks ? "relay" : "none";
}
