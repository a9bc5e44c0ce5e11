"""Scripts that give a page the troubles people meet: refused devices, networks that lose, ways that die."""

from __future__ import annotations

REFUSES = """
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException({message!r}, {name!r}));
"""
WITHOUT_INTERFACE = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
# A network that loses two packets in three while `isLossy`, as the browser's own counters tell it: of a connection, or of what
# comes by it.
LOSSY = """
  let lost = 0;
  for (const told of [RTCPeerConnection.prototype, RTCRtpReceiver.prototype]) {
    const read = told.getStats;
    told.getStats = async function () {
      const found = new Map();
      lost += window.isLossy ? 2000 : 0;
      for (const [id, entry] of await read.call(this)) {
        found.set(id, entry.type === "inbound-rtp" ? { ...entry, packetsLost: lost } : entry);
      }
      return found;
    };
  }
"""
# From `isCut` on no candidate of the other side is taken: a new attempt leads nowhere.
NO_WAY_FROM_NOW = """
  const take = RTCPeerConnection.prototype.addIceCandidate;
  RTCPeerConnection.prototype.addIceCandidate = function (given) {
    return window.isCut ? Promise.resolve() : take.call(this, given);
  };
"""
# Through a relay alone, and there is none: no candidate of either side leads anywhere.
NO_ROUTE = """
  const blocked = (given) => window.isRouteFree ? given : { ...given, iceTransportPolicy: "relay", iceServers: [] };
  const configure = RTCPeerConnection.prototype.setConfiguration;
  RTCPeerConnection.prototype.setConfiguration = function (given) { return configure.call(this, blocked(given)); };
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, { construct: (of, [given]) => new of(blocked(given)) });
"""
